package google_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/secretgate/secretgate/tests/lab/clouds/google"
	"github.com/secretgate/secretgate/tests/lab/clouds/google/iam"
)

func TestTokenEndpoint(t *testing.T) {
	l := start(t)
	id, key, _ := l.keyOf(t, reader)
	good := claims{Scope: iam.Scope, Claims: jwt.Claims{
		Issuer: reader, Audience: jwt.Audience{l.plain.URL + google.TokenPath},
		IssuedAt: jwt.NewNumericDate(l.now), Expiry: jwt.NewNumericDate(l.now.Add(time.Hour)),
	}}
	elsewhere := good
	elsewhere.Audience = jwt.Audience{"https://oauth2.googleapis.com/token"}
	expired := good
	expired.shift(-2 * time.Hour)
	for name, c := range map[string]struct{ assertion, want string }{
		"an assertion for it":             {sign(t, id, key, jose.RS256, good), "OK"},
		"an assertion for another":        {sign(t, id, key, jose.RS256, elsewhere), "invalid_grant"},
		"an assertion that has expired":   {sign(t, id, key, jose.RS256, expired), "invalid_grant"},
		"an assertion by an unknown key":  {sign(t, "0123", key, jose.RS256, good), "invalid_grant"},
		"an assertion that is none":       {"eyJ.eyJ.x", "invalid_grant"},
		"an assertion that is not signed": {unsigned(sign(t, id, key, jose.RS256, good)), "invalid_grant"},
	} {
		t.Run(name, func(t *testing.T) {
			form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {c.assertion}}
			answer := struct {
				Token string `json:"access_token"`
				Error string `json:"error"`
			}{}
			text, _ := l.send(t, http.MethodPost, google.TokenPath, form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
			if err := json.Unmarshal([]byte(text), &answer); err != nil {
				t.Fatal(err)
			}
			got := answer.Error
			if answer.Token != "" {
				got = l.access(t, "Bearer "+answer.Token, secret)
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func unsigned(token string) string { return token[:strings.LastIndex(token, ".")+1] }

// send makes a call over plain HTTP and returns what was answered.
func (l *lab) send(t *testing.T, method, path, body string, header ...string) (text string, code int) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, l.plain.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	read, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(read), answer.StatusCode
}

func TestMetadataServer(t *testing.T) {
	const token = "/computeMetadata/v1/instance/service-accounts/default/token"
	l := start(t)
	flavor := []string{"Metadata-Flavor", "Google"}
	get := func(path string, header ...string) (string, int) {
		return l.send(t, http.MethodGet, path, "", header...)
	}
	if _, code := get(token); code != http.StatusForbidden {
		t.Errorf("without its header: %d", code)
	}
	if _, code := get(token, append(flavor, "X-Forwarded-For", "10.0.0.1")...); code != http.StatusForbidden {
		t.Errorf("through a proxy: %d", code)
	}
	if text, _ := get("/computeMetadata/v1/project/project-id", flavor...); text != google.LabProject {
		t.Errorf("the project is %q", text)
	}
	first, _ := get(token, flavor...)
	l.now = l.now.Add(10 * time.Minute)
	if n := l.IAM().Minted(google.LabAccount); n != 1 {
		t.Errorf("%d tokens were minted, want 1", n)
	}
	again, _ := get(token, flavor...)
	l.now = l.now.Add(46 * time.Minute)
	renewed, _ := get(token, flavor...)
	if value(t, first) != value(t, again) || value(t, again) == value(t, renewed) {
		t.Error("a token is not handed out until five minutes before its end, and another one then")
	}
	narrow, _ := get(token+"?scopes=https://www.googleapis.com/auth/devstorage", flavor...)
	if got := l.access(t, "Bearer "+value(t, narrow), secret); got != "PermissionDenied ACCESS_TOKEN_SCOPE_INSUFFICIENT" {
		t.Errorf("with another scope: %s", got)
	}
	l.Attach("")
	if _, code := get(token, flavor...); code != http.StatusNotFound {
		t.Errorf("without an account: %d", code)
	}
}

func value(t *testing.T, answer string) string {
	t.Helper()
	var token struct {
		Value string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(answer), &token); err != nil || token.Value == "" {
		t.Fatalf("no token: %v", err)
	}
	return token.Value
}
