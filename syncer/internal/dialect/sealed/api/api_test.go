package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/secretgate/secretgate/shared/dialect/sealed"
	"github.com/secretgate/secretgate/shared/dialect/sealed/crypt"
	"github.com/secretgate/secretgate/syncer/internal/dialect/sealed/keys"
	"github.com/secretgate/secretgate/syncer/internal/metrics/metricstest"
)

const planted = "planted!"

// pair is a key and its Secret.
type pair struct {
	private *rsa.PrivateKey
	secret  *corev1.Secret
}

// pairs are an old key, a new one, and one that the cluster does not have.
var pairs = sync.OnceValue(func() []pair {
	var all []pair
	for n := range 3 {
		private, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Unix(int64(n), 0), NotAfter: time.Now().Add(time.Hour)}
		cert, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
		if err != nil {
			panic(err)
		}
		all = append(all, pair{private, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: "sealing", Name: fmt.Sprintf("key-%d", n), Labels: map[string]string{keys.Label: keys.Active}},
			Data: map[string][]byte{
				"tls.key": pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)}),
				"tls.crt": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
			},
		}})
	}
	return all
})

// newAPI is one with these keys, and what it logs.
func newAPI(t *testing.T, has ...pair) (*API, *bytes.Buffer) {
	t.Helper()
	cluster := fake.NewClientset()
	for _, one := range has {
		if _, err := cluster.CoreV1().Secrets("sealing").Create(t.Context(), one.secret, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	ring := &keys.Ring{Namespace: "sealing", Prefix: "sealed-secrets-key", Order: keys.ByNotBefore}
	var watching sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	watching.Go(func() { ring.Watch(ctx, cluster.CoreV1().Secrets("sealing")) })
	t.Cleanup(func() { cancel(); watching.Wait() })
	var log bytes.Buffer
	now := time.Now()
	return &API{
		Keys: ring, Kind: &sealed.Installation{Serve: true, AcceptV1: true},
		Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Now: func() time.Time { now = now.Add(time.Second); return now }, // no test but that of limits is limited
	}, &log
}

func seal(t *testing.T, by pair, value, label string) string {
	t.Helper()
	ciphertext, err := crypt.Seal(&by.private.PublicKey, []byte(value), label)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(ciphertext)
}

// object is a SealedSecret in JSON. Annotations and spec are JSON, too.
func object(annotations, spec string) string {
	return `{"apiVersion":"bitnami.com/v1alpha1","kind":"SealedSecret","metadata":{"namespace":"core","name":"db","annotations":{` + annotations +
		`},"labels":{"big":"x"},"generation":9007199254740993},"spec":{` + spec + `},"status":{"observedGeneration":1}}`
}

func data(entries ...string) string {
	var all []string
	for i := 0; i < len(entries); i += 2 {
		all = append(all, fmt.Sprintf("%q:%q", entries[i], entries[i+1]))
	}
	return `"encryptedData":{` + strings.Join(all, ",") + `}`
}

func post(t *testing.T, h http.Handler, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body)))
	return w
}

const (
	namespaceWide = `"sealedsecrets.bitnami.com/namespace-wide":"true"`
	clusterWide   = `"sealedsecrets.bitnami.com/cluster-wide":"true"`
)

func TestVerify(t *testing.T) {
	older, newer, gone := pairs()[0], pairs()[1], pairs()[2]
	a, log := newAPI(t, older, newer)
	h := a.Handler()
	strict := seal(t, newer, planted, "core/db")
	for name, test := range map[string]struct {
		body   string
		status int
		want   string
	}{
		"a value of the newest key":               {object("", data("a", strict)), 200, ""},
		"values of several keys":                  {object("", data("a", strict, "b", seal(t, older, planted, "core/db"))), 200, ""},
		"an object in YAML":                       {"---\n# a comment\n---\napiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {namespace: core, name: db}\nspec: {encryptedData: {a: " + strict + "}}\n", 200, ""},
		"a value for the namespace":               {object(namespaceWide, data("a", seal(t, newer, planted, "core"))), 200, ""},
		"a value for the cluster":                 {object(clusterWide, data("a", seal(t, newer, planted, ""))), 200, ""},
		"a whole Secret":                          {object("", `"data":"`+seal(t, newer, `{"data":{}}`, "core/db")+`"`), 200, ""},
		"a template that could not be rendered":   {object("", data("a", strict)+`,"template":{"type":"kubernetes.io/service-account-token","data":{"b":"{{ fail"}}`), 200, ""},
		"a value of a key that is gone":           {object("", data("a", strict, "b", seal(t, gone, planted, "core/db"))), 409, "spec.encryptedData[b]: no key of this cluster opens it"},
		"a value for another scope":               {object(clusterWide, data("a", strict)), 409, "spec.encryptedData[a]: no key"},
		"a value for another name":                {object("", data("a", seal(t, newer, planted, "core/other"))), 409, "spec.encryptedData[a]: no key"},
		"a value that is cut off":                 {object("", data("a", strict[:100])), 409, "spec.encryptedData[a]: Invalid value: is cut off"},
		"a value that is no base64":               {object("", data("a", "%%%")), 409, "spec.encryptedData[a]: Invalid value: is not base64"},
		"a value that is no text":                 {object("", `"encryptedData":{"a":{"b":1}}`), 409, "spec.encryptedData[a]"},
		"nothing":                                 {"", 400, "the body is neither"},
		"no object":                               {`"planted!"`, 400, "the body is neither"},
		"what is neither":                         {"{", 400, "the body is neither"},
		"several documents":                       {object("", data("a", strict)) + "\n---\n" + object("", data("a", strict)), 400, "the body has several documents"},
		"an object of another kind":               {`{"apiVersion":"v1","kind":"Secret"}`, 400, "the object is no SealedSecret of bitnami.com/v1alpha1"},
		"an object with a field of another form":  {object("", `"encryptedData":["planted!"]`), 400, "the object is no SealedSecret: a field"},
		"an object that is larger than any other": {object("", data("a", strings.Repeat("x", maxBody))), 413, "the object has more than"},
	} {
		got := post(t, h, PathVerify, test.body)
		if got.Code != test.status || !strings.HasPrefix(got.Body.String(), test.want) || test.want == "" && got.Body.Len() > 0 {
			t.Errorf("%s: got %d %q, want %d %q", name, got.Code, got.Body, test.status, test.want)
		}
		if strings.Contains(got.Body.String(), planted) {
			t.Errorf("%s: the answer has a value: %s", name, got.Body)
		}
	}
	if strings.Contains(log.String(), planted) {
		t.Errorf("the log has a value: %s", log)
	}
}

func TestRotate(t *testing.T) {
	older, newer, gone := pairs()[0], pairs()[1], pairs()[2]
	a, log := newAPI(t, older, newer)
	h := a.Handler()
	template := `,"template":{"type":"example.com/t","immutable":true,"metadata":{"labels":{"l":"v"}},"data":{"c":"{{ .a }} {{ randAlpha 3 }}","b":null}},"foreign":{"x":1}`
	for name, test := range map[string]struct{ annotations, label, spec string }{
		"strict":         {"", "core/db", data("a", seal(t, older, "one", "core/db"), "b", seal(t, newer, "", "core/db")) + template},
		"namespace-wide": {namespaceWide, "core", data("a", seal(t, older, "one", "core"), "b", seal(t, newer, "", "core")) + template},
		"cluster-wide":   {clusterWide, "", data("a", seal(t, older, "one", ""), "b", seal(t, newer, "", "")) + template},
	} {
		body := object(test.annotations, test.spec)
		got := post(t, h, PathRotate, body)
		if got.Code != http.StatusOK || got.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: got %d %s, want an object", name, got.Code, got.Body)
			continue
		}
		before, after := members(t, []byte(body)), members(t, got.Body.Bytes())
		opened := map[string]string{}
		for entry, text := range encryptedData(after) {
			ciphertext, err := base64.StdEncoding.DecodeString(fmt.Sprint(text))
			if err != nil {
				t.Fatal(err)
			}
			value, err := crypt.Open(newer.private, ciphertext, test.label)
			if err != nil {
				t.Errorf("%s: the newest key does not open %s: %v", name, entry, err)
			}
			opened[entry] = string(value)
		}
		if diff := cmp.Diff(map[string]string{"a": "one", "b": ""}, opened); diff != "" {
			t.Errorf("%s: values (-want +got):\n%s", name, diff)
		}
		delete(before, "status")
		for _, o := range []map[string]any{before, after} {
			clear(encryptedData(o))
		}
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("%s: all but the values (-want +got):\n%s", name, diff)
		}
	}
	whole := post(t, h, PathRotate, object("", `"data":"`+seal(t, older, `{"data":{}}`, "core/db")+`"`))
	if again := post(t, h, PathVerify, whole.Body.String()); whole.Code != 200 || again.Code != 200 {
		t.Errorf("a whole Secret: got %d %s, and then %d, want it sealed again", whole.Code, whole.Body, again.Code)
	}
	for name, test := range map[string]struct {
		body   string
		status int
	}{
		"a value that cannot be opened":       {object("", data("a", seal(t, gone, planted, "core/db"))), 409},
		"a value that was taken elsewhere":    {object("", data("a", seal(t, newer, planted, "prod/db"))), 409},
		"a field's name in another case":      {strings.Replace(object("", data("a", seal(t, newer, planted, "core/db"))), `"spec"`, `"Spec"`, 1), 400},
		"an object that cannot be understood": {"a: [", 400},
	} {
		if got := post(t, h, PathRotate, test.body); got.Code != test.status || strings.Contains(got.Body.String(), planted) {
			t.Errorf("%s: got %d %s, want %d", name, got.Code, got.Body, test.status)
		}
	}
	if strings.Contains(log.String(), planted) {
		t.Errorf("the log has a value: %s", log)
	}
}

// encryptedData are the sealed values of an object.
func encryptedData(object map[string]any) map[string]any {
	spec, _ := object["spec"].(map[string]any)
	values, _ := spec["encryptedData"].(map[string]any)
	return values
}

func members(t *testing.T, document []byte) map[string]any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	var all map[string]any
	if err := decoder.Decode(&all); err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	return all
}

func TestTheCertificateIsThatOfTheNewestKey(t *testing.T) {
	a, _ := newAPI(t, pairs()[1], pairs()[0])
	server := httptest.NewServer(a.Handler())
	defer server.Close()
	get := func(method, path string) (code int, kind, text string) {
		request, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, response.Header.Get("Content-Type"), string(body)
	}
	code, kind, body := get(http.MethodGet, PathCert)
	if want := string(pairs()[1].secret.Data["tls.crt"]); body != want || kind != "application/x-pem-file" {
		t.Errorf("got %d %s\n%s\nwant\n%s", code, kind, body, want)
	}
	for _, refused := range []struct {
		method, path string
		want         int
	}{{http.MethodPost, PathCert, 405}, {http.MethodGet, PathVerify, 405}, {http.MethodGet, PathRotate, 405}, {http.MethodGet, "/", 404}, {http.MethodGet, "/metrics", 404}} {
		if code, _, _ := get(refused.method, refused.path); code != refused.want {
			t.Errorf("%s %s: got %d, want %d", refused.method, refused.path, code, refused.want)
		}
	}
	none, _ := newAPI(t)
	w := httptest.NewRecorder()
	none.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, PathCert, http.NoBody))
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "there is no sealing key in namespace sealing yet") {
		t.Errorf("without keys: got %d %s, want 503", w.Code, w.Body)
	}
}

// deadlines is a connection that remembers the deadlines of its reads.
type deadlines struct {
	*httptest.ResponseRecorder
	set []time.Time
}

func (d *deadlines) SetReadDeadline(at time.Time) error {
	d.set = append(d.set, at)
	return nil
}

func TestOnlyTheBodyHasADeadline(t *testing.T) {
	a, _ := newAPI(t, pairs()[0])
	d := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	a.Handler().ServeHTTP(d, httptest.NewRequestWithContext(t.Context(), http.MethodPost, PathVerify, strings.NewReader("{")))
	if len(d.set) != 2 || d.set[0].IsZero() || !d.set[1].IsZero() {
		t.Errorf("got deadlines %v, want one, and then none: the server takes a connection that passed its deadline for one that is gone", d.set)
	}
}

func TestRequestsAreLimited(t *testing.T) {
	a, _ := newAPI(t, pairs()[0])
	now := time.Now()
	a.Now = func() time.Time { return now }
	h := a.Handler()
	send := func(path, peer, forwarded string) int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader("{"))
		r.RemoteAddr = peer + ":1234"
		if forwarded != "" {
			r.Header.Set("X-Forwarded-For", forwarded)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	burst := func(what, path, peer, forwarded string, want int) {
		t.Helper()
		answered := 0
		for range 2 * peerBurst {
			if send(path, peer, forwarded) != http.StatusTooManyRequests {
				answered++
			}
		}
		if answered != want {
			t.Errorf("%s: got %d answers at once, want %d", what, answered, want)
		}
	}
	burst("a client of the API server", PathVerify, "10.0.0.1", "192.0.2.1", clientBurst)
	burst("another one", PathVerify, "10.0.0.1", "192.0.2.2", clientBurst)
	burst("the other path", PathRotate, "10.0.0.1", "192.0.2.2", clientBurst)
	burst("what the client claims before", PathVerify, "10.0.0.1", "198.51.100.7, 192.0.2.1", 0)
	burst("a client of its own", PathVerify, "10.0.0.2", "", clientBurst)
	now = now.Add(time.Second)
	burst("a second later", PathVerify, "10.0.0.2", "", clientRate)
	answered := 0
	for n := range 2 * peerBurst {
		if send(PathVerify, "10.0.0.3", fmt.Sprintf("192.0.2.%d", n)) != http.StatusTooManyRequests {
			answered++
		}
	}
	if answered != peerBurst {
		t.Errorf("a peer that claims to be many: got %d answers, want %d", answered, peerBurst)
	}
	now = now.Add(2 * time.Minute)
	burst("after a while", PathVerify, "10.0.0.1", "192.0.2.1", clientBurst)
	if got := a.limits.clients.Len(); got != 1 {
		t.Errorf("got %d clients remembered, want 1", got)
	}
}

func TestClientsThatAreRememberedAreBounded(t *testing.T) {
	var l limits
	now := time.Now()
	for n := range maxClients + 10 {
		l.allow(client{peer: "10.0.0.1", address: fmt.Sprint(n)}, now)
	}
	if got := l.clients.Len(); got != maxClients {
		t.Errorf("got %d clients remembered, want %d", got, maxClients)
	}
	later := client{peer: "10.0.0.2", address: "later"}
	if l.allow(later, now) {
		t.Error("a client more than are remembered was allowed")
	}
	if !l.allow(later, now.Add(2*time.Minute)) {
		t.Error("a client that comes when the others are forgotten was not allowed")
	}
}

func TestRequestsAreMeasured(t *testing.T) {
	a, _ := newAPI(t, pairs()[0])
	m := NewMetrics()
	h := m.measured(a.Handler())
	post(t, h, PathVerify, "{")
	post(t, h, PathVerify, "{")
	post(t, h, "/v1/other", "{")
	want := 2.0
	if got := metricstest.Series(t, m)["sealed_secrets_controller_http_requests_total{code=400,method=post,path=/v1/verify}"]; got != want {
		t.Errorf("got %v requests, want %v of %v", got, want, metricstest.Series(t, m))
	}
}
