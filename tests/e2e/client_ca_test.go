package e2e

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/tests/lab"
)

// TestWebhookThatDemandsTheAPIServersCertificate follows docs/security.md: the API server, told to present a certificate, is
// answered, and another caller is not.
func TestWebhookThatDemandsTheAPIServersCertificate(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	certificate, key := selfSignedClient(t, "apiserver")
	users := file("webhooks.kubeconfig", "apiVersion: v1\nkind: Config\nusers:\n- name: '*'\n  user: {client-certificate: "+
		file("client.crt", certificate)+", client-key: "+file("client.key", key)+"}\n")
	plugin := func(name string) string {
		return "- name: " + name + "\n  configuration: {apiVersion: apiserver.config.k8s.io/v1, kind: WebhookAdmissionConfiguration, kubeConfigFile: " + users + "}\n"
	}
	admission := file("admission.yaml", "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins:\n"+
		plugin("ValidatingAdmissionWebhook")+plugin("MutatingAdmissionWebhook"))
	s := newSite(t, lab.Options{
		Services: true, APIServerArgs: []string{"--admission-control-config-file=" + admission},
		Webhook: lab.Extra{Args: []string{"--client-ca=" + file("ca.crt", certificate), "--client-names=apiserver"}},
	})

	s.kubectl.MustApply(t, "", namespaceManifest("core"))
	s.kubectl.Must(t, "annotate", "namespace", "core", names.AnnotationPermittedKeyName+"=dev/.*")
	denied := object("db", "{backendType: secretsManager, properties: [{key: prod/db, name: a}]}") // both webhooks are asked
	if _, err := s.kubectl.Apply(t.Context(), "core", denied); err == nil || !strings.Contains(err.Error(), `"prod/db" is not permitted`) {
		t.Errorf("the API server's question is answered %v", err)
	}

	stranger := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	response, err := stranger.Post("https://"+s.lab.Webhook.Address+"/validate", "application/json", strings.NewReader("{}")) //nolint:noctx // the webhook ends it
	if err == nil {
		_ = response.Body.Close()
		t.Fatalf("a caller without a certificate is answered %s", response.Status)
	}
	if !strings.Contains(err.Error(), "certificate required") {
		t.Errorf("a caller without a certificate is refused by %v", err)
	}
}

// selfSignedClient makes a client's certificate that is its own CA, and its key, in PEM.
func selfSignedClient(t *testing.T, name string) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	var leaf, secret bytes.Buffer
	_ = pem.Encode(&leaf, &pem.Block{Type: "CERTIFICATE", Bytes: signed}) // to a buffer, which cannot fail
	_ = pem.Encode(&secret, &pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
	return leaf.String(), secret.String()
}
