package azure_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/tests/lab/clouds"
	"github.com/secretgate/secretgate/tests/lab/clouds/azure"
	"github.com/secretgate/secretgate/tests/lab/clouds/azure/entra"
	"github.com/secretgate/secretgate/tests/lab/clouds/azure/keyvault"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
)

// lab is a server on loopback with a clock that a test moves, and the secret a in the vault hello.
type lab struct {
	*clouds.Server
	t   *testing.T
	url string

	mu  sync.Mutex
	now time.Time
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{t: t, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	l.Server = clouds.New(clouds.Options{Clock: l.clock})
	server := httptest.NewServer(l.Server)
	t.Cleanup(server.Close)
	l.url = server.URL
	if err := l.Azure().PutSecrets("hello", keyvault.Secret{Name: "a", Value: "planted"}); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *lab) clock() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now
}

func (l *lab) advance(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = l.now.Add(d)
}

// call returns the status, the challenge, and the body's members.
func (l *lab) call(r *http.Request) (status int, challenge string, body map[string]any) {
	l.t.Helper()
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		l.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	if err := json.Unmarshal(text, &body); err != nil {
		l.t.Fatalf("the answer is no JSON object: %v", err)
	}
	return response.StatusCode, response.Header.Get("WWW-Authenticate"), body
}

func (l *lab) request(method, host, path string, form url.Values) *http.Request {
	l.t.Helper()
	r, err := http.NewRequestWithContext(l.t.Context(), method, l.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		l.t.Fatal(err)
	}
	r.Host = host
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// ask asks for a token and returns it, or Entra's number of the refusal.
func (l *lab) ask(tenant string, form url.Values) (token, refusal string) {
	l.t.Helper()
	_, _, body := l.call(l.request(http.MethodPost, "login.microsoftonline.com", "/"+tenant+"/oauth2/v2.0/token", form))
	if token, ok := body["access_token"].(string); ok {
		return token, ""
	}
	description, _ := body["error_description"].(string)
	number, _, _ := strings.Cut(description, ":")
	return "", number
}

// form is what the lab's application asks with.
func (l *lab) form() url.Values {
	app := l.Azure().LabApp()
	return url.Values{
		"grant_type": {"client_credentials"}, "client_id": {app.ClientID}, "client_secret": {app.Secret},
		"scope": {"https://vault.azure.net/.default openid offline_access profile"},
	}
}

// read reads a secret and returns its value, or the code of the refusal and what it begins with.
func (l *lab) read(host, path, token string) string {
	l.t.Helper()
	r := l.request(http.MethodGet, host, path+"?api-version=7.4", nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	_, _, body := l.call(r)
	if value, ok := body["value"].(string); ok {
		return value
	}
	refusal, _ := body["error"].(map[string]any)
	code, _ := refusal["code"].(string)
	message, _ := refusal["message"].(string)
	number, _, _ := strings.Cut(message, " ")
	return code + " " + number
}

func TestReadsOfVaultsAreProved(t *testing.T) {
	const host = "hello.vault.azure.net"
	l := newLab(t)
	if err := l.Azure().PutSecrets("other", keyvault.Secret{Name: "a", Value: "planted"}); err != nil {
		t.Fatal(err)
	}
	for _, app := range []entra.App{
		{ClientID: "reader", Secret: "s", Permissions: azure.MayRead("hello", "a")},
		{ClientID: "foreigner", Secret: "s", Tenant: "5ec4e79a-0000-4000-8000-0000000000ff", Permissions: azure.MayRead("*", "*")},
		{ClientID: "leaver", Secret: "s", Permissions: azure.MayRead("*", "*")},
	} {
		if _, err := l.Azure().Entra().PutApp(app); err != nil {
			t.Fatal(err)
		}
	}
	token := func(tenant, id, resource string) string {
		token, refusal := l.ask(tenant, url.Values{
			"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {"s"}, "scope": {resource + "/.default"},
		})
		if refusal != "" {
			t.Fatal(refusal)
		}
		return token
	}
	const vault = "https://vault.azure.net"
	reader := token(azure.Tenant, "reader", vault)
	leaver := token(azure.Tenant, "leaver", vault)
	if err := l.Azure().Entra().RemoveApp("leaver"); err != nil {
		t.Fatal(err)
	}
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{
		"with a good token":              l.read(host, "/secrets/a/", reader),
		"without a token":                l.read(host, "/secrets/a/", ""),
		"with one for another resource":  l.read(host, "/secrets/a/", token(azure.Tenant, "reader", "https://management.azure.com")),
		"with one for another cloud":     l.read("hello.vault.azure.cn", "/secrets/a/", reader),
		"with one of another tenant":     l.read(host, "/secrets/a/", token("5ec4e79a-0000-4000-8000-0000000000ff", "foreigner", vault)),
		"with one of who has left":       l.read(host, "/secrets/a/", leaver),
		"with one that is not signed":    l.read(host, "/secrets/a/", unsigned(reader)),
		"with one signed by a stranger":  l.read(host, "/secrets/a/", sign(t, stranger, jwt.Claims{Issuer: entra.Issuer(azure.Tenant)})),
		"in a vault without permission":  l.read("other.vault.azure.net", "/secrets/a/", reader),
		"of a secret without permission": l.read(host, "/secrets/b/", reader),
	}
	l.advance(time.Hour)
	got["with one that has ended"] = l.read(host, "/secrets/a/", reader)
	renewed := token(azure.Tenant, "reader", vault)
	got["with its successor"] = l.read(host, "/secrets/a/", renewed)
	l.Azure().ExpireTokens()
	got["after all tokens were ended"] = l.read(host, "/secrets/a/", renewed)
	want := map[string]string{
		"with a good token":              "planted",
		"without a token":                "Unauthorized AKV10000:",
		"with one for another resource":  "Unauthorized AKV10022:",
		"with one for another cloud":     "Unauthorized AKV10022:",
		"with one of another tenant":     "Unauthorized AKV10032:",
		"with one of who has left":       "Unauthorized AKV10046:",
		"with one that is not signed":    "Unauthorized AKV10001:",
		"with one signed by a stranger":  "Unauthorized AKV10001:",
		"in a vault without permission":  "Forbidden Caller",
		"of a secret without permission": "Forbidden Caller",
		"with one that has ended":        "Unauthorized [TokenExpired]",
		"with its successor":             "planted",
		"after all tokens were ended":    "Unauthorized [TokenExpired]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reads (-want +got):\n%s", diff)
	}
	if n := l.Counters().Sum(counter.Key{Cloud: azure.Name, Operation: "GetSecret", Identity: "reader", Code: "OK"}); n != 2 {
		t.Errorf("%d reads of the reader are counted, want 2", n)
	}
}

func TestTheChallengeSaysWhoGivesTokensForWhat(t *testing.T) {
	l := newLab(t)
	status, got, _ := l.call(l.request(http.MethodGet, "hello.vault.azure.net", "/secrets/a/?api-version=7.4", nil))
	want := `Bearer authorization="https://login.microsoftonline.com/` + azure.Tenant + `", resource="https://vault.azure.net"`
	if status != http.StatusUnauthorized || got != want {
		t.Errorf("got status %d and the challenge %s", status, got)
	}
}
