package e2e

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/secretgate/secretgate/tests/lab/clouds/authority"
	"github.com/secretgate/secretgate/tests/lab/clouds/azure"
	"github.com/secretgate/secretgate/tests/lab/clouds/gateway"
	"github.com/secretgate/secretgate/tests/lab/clouds/google"
)

// wiretap stands between a syncer and all backends. It plants every credential that passes, and damages answers.
type wiretap struct {
	clouds, vault, grpc *httptest.Server
	proxy               *httptest.Server // HTTPS_PROXY, for Azure
	ca, googleKey       string           // files

	damage atomic.Pointer[damage]
	mu     sync.Mutex
	seen   map[string]bool // which kinds of credentials passed
}

const grpcType = "application/grpc"

// damage spoils an answer that holds values or credentials.
type damage func(status int, body []byte) (int, []byte)

func newWiretap(t *testing.T) *wiretap {
	t.Helper()
	own, err := authority.New()
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := own.Issue("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	labCA, err := os.ReadFile(theLab.CloudsCA)
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(labCA)
	w := &wiretap{seen: map[string]bool{}}
	w.clouds = httptest.NewServer(w.to(t, theLab.CloudsURL, http.DefaultTransport))
	w.vault = httptest.NewServer(w.to(t, theLab.VaultAddr, http.DefaultTransport))
	w.grpc = httptest.NewUnstartedServer(w.to(t, "https://"+theLab.GCPEndpoint, &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true,
	}))
	w.grpc.TLS, w.grpc.EnableHTTP2 = &tls.Config{Certificates: []tls.Certificate{*certificate}, MinVersion: tls.VersionTLS12}, true
	w.grpc.StartTLS()
	w.proxy = httptest.NewServer(&gateway.Gateway{Authority: own, Hosts: azure.Hosts(), Upstream: strings.TrimPrefix(w.clouds.URL, "http://")})
	for _, s := range []*httptest.Server{w.clouds, w.vault, w.grpc, w.proxy} {
		t.Cleanup(s.Close)
	}
	key, err := theLab.Clouds.Google().IAM().NewKey(google.LabAccount, w.clouds.URL+google.TokenPath)
	if err != nil {
		t.Fatal(err)
	}
	w.ca, w.googleKey = writeFile(t, own.PEM()), writeFile(t, key)
	plantPEM(key)
	return w
}

func writeFile(t *testing.T, text []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// start starts a syncer that reaches all backends through the wiretap, with the lab's credentials unless env says otherwise.
func (w *wiretap) start(t *testing.T, id string, env ...string) *ownSyncer {
	t.Helper()
	app, user := theLab.Clouds.Azure().LabApp(), theLab.Clouds.Alicloud().LabUser()
	return startSyncerWith(t, id, []string{"--gcp-endpoint=" + strings.TrimPrefix(w.grpc.URL, "https://")}, append([]string{
		"LOG_LEVEL=trace", "NODE_EXTRA_CA_CERTS=" + w.ca, "VAULT_ADDR=" + w.vault.URL,
		"AWS_SM_ENDPOINT=" + w.clouds.URL, "AWS_SSM_ENDPOINT=" + w.clouds.URL, "AWS_STS_ENDPOINT=" + w.clouds.URL,
		"HTTPS_PROXY=" + w.proxy.URL, "AZURE_TENANT_ID=" + app.Tenant, "AZURE_CLIENT_ID=" + app.ClientID, "AZURE_CLIENT_SECRET=" + app.Secret,
		"GOOGLE_APPLICATION_CREDENTIALS=" + w.googleKey, "ALICLOUD_ENDPOINT=" + w.clouds.URL, "ALICLOUD_STS_ENDPOINT=" + w.clouds.URL,
		"ALICLOUD_ACCESS_KEY_ID=" + user.AccessKeyID, "ALICLOUD_ACCESS_KEY_SECRET=" + user.AccessKeySecret,
	}, env...)...)
}

// to passes requests on as they are: their host is signed.
func (w *wiretap) to(t *testing.T, upstream string, transport http.RoundTripper) http.Handler {
	t.Helper()
	target, err := url.Parse(upstream)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
		},
		Transport: transport, ModifyResponse: w.answered, FlushInterval: -1, ErrorLog: log.New(io.Discard, "", 0),
	}
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the caller is gone
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		w.asked(r, body)
		proxy.ServeHTTP(rw, r)
	})
}

var (
	signature = regexp.MustCompile(`Signature=([0-9a-f]{64})`)
	issued    = regexp.MustCompile(`"?\b(access_token|client_token|SecretAccessKey|SessionToken|AccessKeySecret|SecurityToken)"?\s*[:>]\s*"?([^"<]+)`)
)

// asked plants the credentials of a request.
func (w *wiretap) asked(r *http.Request, body []byte) {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		cloud := "Azure's"
		if strings.HasPrefix(r.Header.Get("Content-Type"), grpcType) {
			cloud = "Google's"
		}
		w.plant(cloud+" Bearer", token)
	}
	if found := signature.FindStringSubmatch(r.Header.Get("Authorization")); found != nil {
		w.plant("AWS's signature", found[1])
	}
	for _, name := range []string{"X-Amz-Security-Token", "X-Vault-Token"} {
		w.plant(name, r.Header.Get(name))
	}
	form, _ := url.ParseQuery(string(body))
	for _, values := range []url.Values{form, r.URL.Query()} {
		for _, name := range []string{"client_secret", "SecurityToken", "Signature"} {
			w.plant(name, values.Get(name))
		}
	}
	var login struct{ JWT string }
	if json.Unmarshal(body, &login) == nil {
		w.plant("jwt", login.JWT)
	}
}

// answered plants the credentials of an answer, and damages it.
func (w *wiretap) answered(r *http.Response) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	_ = r.Body.Close()
	for _, found := range issued.FindAllSubmatch(body, -1) {
		w.plant(string(found[1]), string(found[2]))
	}
	if d := w.damage.Load(); d != nil && r.StatusCode == http.StatusOK {
		if strings.HasPrefix(r.Header.Get("Content-Type"), grpcType) {
			body = damagedFrame(*d, body)
		} else {
			r.StatusCode, body = (*d)(r.StatusCode, body)
		}
		if r.Header.Get("Content-Length") != "" {
			r.Header.Set("Content-Length", strconv.Itoa(len(body)))
		}
		r.ContentLength = int64(len(body))
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}

// damagedFrame damages what gRPC carries, one message behind its length, and leaves gRPC itself whole.
func damagedFrame(d damage, frame []byte) []byte {
	const prefix = 5
	if len(frame) < prefix {
		return frame
	}
	_, message := d(http.StatusOK, frame[prefix:])
	out := append([]byte{0, 0, 0, 0, 0}, message...)
	binary.BigEndian.PutUint32(out[1:], uint32(len(message)))
	return out
}

func (w *wiretap) plant(kind, value string) {
	if value == "" {
		return
	}
	plant(value)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen[kind] = true
}

// kinds lists which credentials passed.
func (w *wiretap) kinds() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Sorted(maps.Keys(w.seen))
}
