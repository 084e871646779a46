package credential_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/credential"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// planted is part of each value that may not be seen in an error.
const planted = "planted-7c1f"

const (
	secretPath = "/api/v1/namespaces/team-a/secrets/login"
	tokenPath  = "/api/v1/namespaces/team-a/serviceaccounts/reader/token"
)

// apiServer answers for one Secret and one ServiceAccount as the API server does, and keeps what it was asked.
type apiServer struct {
	data   map[string][]byte // the Secret's
	refuse *apierrors.StatusError
	asked  []string
}

func (a *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	asked := r.Method + " " + r.URL.Path
	var answer any
	status := http.StatusOK
	switch {
	case a.refuse != nil:
		answer, status = a.refuse.ErrStatus, int(a.refuse.ErrStatus.Code)
	case r.Method == http.MethodGet && r.URL.Path == secretPath:
		answer = &corev1.Secret{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}, Data: a.data}
	case r.Method == http.MethodPost && r.URL.Path == tokenPath:
		var request authenticationv1.TokenRequest
		if err := json.Unmarshal(body, &request); err != nil {
			answer, status = apierrors.NewBadRequest("no JSON").Status(), http.StatusBadRequest
			break
		}
		asked += fmt.Sprintf(" %v %d", request.Spec.Audiences, *request.Spec.ExpirationSeconds)
		request.Status.Token = planted + "-for-" + strings.Join(request.Spec.Audiences, "-")
		answer, status = request, http.StatusCreated
	default:
		missing := apierrors.NewNotFound(schema.GroupResource{Resource: "things"}, "thing")
		answer, status = missing.Status(), http.StatusNotFound
	}
	a.asked = append(a.asked, asked)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}

// cluster reads credentials of a server; own is the token by which the syncer is known to it.
func cluster(t *testing.T, a http.Handler, own string) *credential.Cluster {
	t.Helper()
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	c, err := credential.New(&rest.Config{Host: server.URL, BearerToken: own, QPS: -1, ContentConfig: rest.ContentConfig{ContentType: "application/json"}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var (
	secret  = plan.Credential{Kind: plan.SecretCredential, Namespace: "team-a", Name: "login", Key: "id"}
	account = plan.Credential{Kind: plan.AccountCredential, Namespace: "team-a", Name: "reader"}
)

func with(c plan.Credential, change func(*plan.Credential)) plan.Credential {
	change(&c)
	return c
}

func TestCredentialsAreReadWhenTheyAreWanted(t *testing.T) {
	for name, test := range map[string]struct {
		of    plan.Credential
		want  string
		asked string
	}{
		"the key of a Secret, without the new line at its end": {secret, planted, "GET " + secretPath},
		"a token of a ServiceAccount, for Vault":               {account, planted + "-for-vault", "POST " + tokenPath + " [vault] 600"},
		"a token of a ServiceAccount, for an audience of its own": {
			with(account, func(c *plan.Credential) { c.Audiences = "other" }), planted + "-for-other", "POST " + tokenPath + " [other] 600",
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := &apiServer{data: map[string][]byte{"id": []byte(planted + "\n")}}
			c := cluster(t, a, "")
			for range 2 { // nothing is kept
				if got, err := c.Get(t.Context(), test.of); err != nil || got != test.want {
					t.Fatalf("got %q (%v), want %q", got, err, test.want)
				}
			}
			if diff := cmp.Diff([]string{test.asked, test.asked}, a.asked); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

// refusal is an error of the API server's, whose message quotes a value, as an admission webhook's may.
func refusal(code int32, reason metav1.StatusReason) *apierrors.StatusError {
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure, Code: code, Reason: reason, Message: planted,
	}}
}

func TestWhyThereIsNoCredential(t *testing.T) {
	forbidden := refusal(http.StatusForbidden, metav1.StatusReasonForbidden)
	for name, test := range map[string]struct {
		of     plan.Credential
		data   map[string][]byte
		refuse *apierrors.StatusError
		want   driver.Error
	}{
		"a Secret that is missing": {
			of: with(secret, func(c *plan.Credential) { c.Name = "none" }),
			want: driver.Error{Kind: driver.Unauthenticated, Problem: "Secret team-a/none does not exist",
				Hint: "create it, or correct its name in the store"},
		},
		"a Secret without the key": {
			of: secret, data: map[string][]byte{"other": []byte(planted)},
			want: driver.Error{Kind: driver.Unauthenticated, Problem: "Secret team-a/login has no key id", Hint: "add it, or correct its name in the store"},
		},
		"a key whose value is empty": {
			of: secret, data: map[string][]byte{"id": []byte(" \n"), "other": []byte(planted)},
			want: driver.Error{Kind: driver.Unauthenticated, Problem: "the key id of Secret team-a/login has an empty value", Hint: "write the credential there"},
		},
		"a Secret that the syncer may not read": {
			of: secret, refuse: forbidden,
			want: driver.Error{Kind: driver.Unauthenticated, Problem: "the syncer may not read Secret team-a/login",
				Hint: "bind to the syncer's ServiceAccount, in namespace team-a, a Role with the rule " +
					`{apiGroups: [""], resources: [secrets], resourceNames: [login], verbs: [get]}`},
		},
		"a ServiceAccount that is missing": {
			of: with(account, func(c *plan.Credential) { c.Name = "none" }),
			want: driver.Error{Kind: driver.Unauthenticated, Problem: "ServiceAccount team-a/none does not exist",
				Hint: "create it, or correct its name in the store"},
		},
		"a ServiceAccount whose tokens the syncer may not request": {
			of: account, refuse: forbidden,
			want: driver.Error{Kind: driver.Unauthenticated, Problem: "the syncer may not request a token of ServiceAccount team-a/reader",
				Hint: "bind to the syncer's ServiceAccount, in namespace team-a, a Role with the rule " +
					`{apiGroups: [""], resources: [serviceaccounts/token], resourceNames: [reader], verbs: [create]}`},
		},
		"an audience that the API server refuses": {
			of: account, refuse: refusal(http.StatusUnprocessableEntity, metav1.StatusReasonInvalid),
			want: driver.Error{Kind: driver.Invalid, Problem: "the API server does not give the credential of ServiceAccount team-a/reader (Invalid)"},
		},
		"an API server that has too much to do": {
			of: account, refuse: refusal(http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests),
			want: driver.Error{Kind: driver.Throttled, Problem: "the API server does not give the credential of ServiceAccount team-a/reader (TooManyRequests)"},
		},
		"an API server that fails": {
			of: secret, refuse: refusal(http.StatusInternalServerError, metav1.StatusReasonInternalError),
			want: driver.Error{Kind: driver.Unavailable, Problem: "the API server does not give the credential of Secret team-a/login (InternalError)"},
		},
		"a name that is none": {
			of:   with(secret, func(c *plan.Credential) { c.Name = "../other" }),
			want: driver.Error{Kind: driver.Unavailable, Problem: "the API server does not give the credential of Secret team-a/../other"},
		},
		"no name":      {of: with(account, func(c *plan.Credential) { c.Name = "" }), want: nameless},
		"no namespace": {of: with(secret, func(c *plan.Credential) { c.Namespace = "" }), want: nameless},
		"one that the syncer has itself": {
			of: plan.Credential{Kind: plan.InstalledCredential, Namespace: "team-a", Name: "x"},
			want: driver.Error{Kind: driver.Invalid, Problem: "a credential of this kind is not in the cluster",
				Hint: "refer to a Secret or a ServiceAccount"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := cluster(t, &apiServer{data: test.data, refuse: test.refuse}, "").Get(t.Context(), test.of)
			failed, ok := errors.AsType[*driver.Error](err)
			if !ok || got != "" {
				t.Fatalf("got %q (%v), want an error of the driver's", got, err)
			}
			if diff := cmp.Diff(test.want, *failed); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if text := fmt.Sprintf("%+v %+v", err, failed); strings.Contains(text, planted) {
				t.Errorf("the error shows a value: %s", text)
			}
		})
	}
}

var nameless = driver.Error{Kind: driver.Invalid, Problem: "the credential has no name or no namespace", Hint: "name it in the store"}

func TestAnAPIServerThatDoesNotAnswer(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	c, err := credential.New(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Get(t.Context(), secret)
	if failed, ok := errors.AsType[*driver.Error](err); !ok || failed.Kind != driver.Unavailable {
		t.Errorf("got %v, want unavailable", err)
	}
}

// ownJWT is a token as a kubelet has it made, for all audiences of the API server.
func ownJWT(t *testing.T, issuer string, audiences ...string) string {
	t.Helper()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{Issuer: issuer, Audience: audiences}).SignedString([]byte("k"))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestNoTokenIsRequestedForTheAPIServer(t *testing.T) {
	own := ownJWT(t, "https://oidc.example/id/1", "https://api.example", "api")
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(own+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a := &apiServer{}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	ofFile, err := credential.New(&rest.Config{Host: server.URL, BearerTokenFile: file})
	if err != nil {
		t.Fatal(err)
	}
	for how, c := range map[string]*credential.Cluster{"a token": cluster(t, a, own), "a file": ofFile} {
		for _, audience := range []string{
			"https://kubernetes.default.svc.cluster.local", "https://kubernetes.default.svc", "https://oidc.example/id/1", "https://api.example", "api",
		} {
			for _, audiences := range []plan.List{plan.ListOf(audience), plan.ListOf("vault", audience), plan.ListOf(audience, "vault")} {
				_, err := c.Get(t.Context(), with(account, func(c *plan.Credential) { c.Audiences = audiences }))
				failed, ok := errors.AsType[*driver.Error](err)
				if !ok || failed.Kind != driver.Invalid || !strings.Contains(failed.Problem, "audience "+audience) ||
					failed.Hint != "choose another audience, such as vault, and let the backend's role accept it" {
					t.Errorf("known by %s, for %q: got %v, want it refused with both remedies", how, audiences, err)
				}
			}
		}
	}
	if len(a.asked) > 0 {
		t.Errorf("the API server was asked %v, want nothing", a.asked)
	}
}

func TestASyncerWithoutATokenKnowsTheUsualAudiences(t *testing.T) {
	usual := credential.Reserved("")
	for name, own := range map[string]string{"a token that is no JWT": "planted", "half of one": "eyJ.e", "one that names nothing": ownJWT(t, "")} {
		got := slices.DeleteFunc(credential.Reserved(own), func(audience string) bool { return audience == "" })
		if diff := cmp.Diff(usual, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestAnOwnTokenThatCannotBeReadIsAnErrorAtTheStart(t *testing.T) {
	if _, err := credential.New(&rest.Config{BearerTokenFile: filepath.Join(t.TempDir(), "none")}); err == nil {
		t.Error("got no error, want one")
	}
}
