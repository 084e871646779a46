package e2e

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/tests/lab"
)

// tool is a program that make builds.
func tool(t *testing.T, l *lab.Lab, name string) string {
	t.Helper()
	path := filepath.Join(l.Root, ".cache", "tools", name)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: run make .cache/tools/%s", err, name)
	}
	return path
}

// kubeseal runs it as the cluster's admin. The error is what it says of a failure.
func (s sealedSite) kubeseal(t *testing.T, stdin string, args ...string) (stdout string, err error) {
	t.Helper()
	return s.kubesealAs(t, s.lab.Kubeconfig, stdin, args...)
}

func (s sealedSite) kubesealAs(t *testing.T, kubeconfig, stdin string, args ...string) (stdout string, err error) {
	t.Helper()
	var out, said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), tool(t, s.lab, "kubeseal"), args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &said
	cmd.Env = []string{"HOME=" + t.TempDir(), "KUBECONFIG=" + kubeconfig, "SEALED_SECRETS_CONTROLLER_NAMESPACE=" + lab.Namespace}
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("kubeseal %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(said.String()))
	}
	return out.String(), nil
}

// asks is kubeseal for what the syncer limits the rate of.
func (s sealedSite) asks(t *testing.T, stdin string, args ...string) (stdout string, err error) {
	t.Helper()
	for {
		stdout, err = s.kubeseal(t, stdin, args...)
		if err == nil || !strings.Contains(err.Error(), "too many requests") {
			return stdout, err
		}
	}
}

// seal is what kubeseal makes of a Secret with the site's first certificate. A further --cert wins.
func (s sealedSite) seal(t *testing.T, namespace, name string, values map[string]string, args ...string) sealedManifest {
	t.Helper()
	secret := fmt.Sprintf("{apiVersion: v1, kind: Secret, metadata: {namespace: %s, name: %s}, stringData: {", namespace, name)
	for _, key := range slices.Sorted(maps.Keys(values)) {
		secret += fmt.Sprintf("%q: %q, ", key, values[key])
	}
	text, err := s.kubeseal(t, secret+"}}", append([]string{"--cert=" + s.certificate, "--format=yaml"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	return sealedManifest(text)
}

// sealedManifest is a SealedSecret as kubeseal prints it.
type sealedManifest string

// with is the manifest with a patch over it: YAML, whose maps are merged, and whose null removes a field.
func (m sealedManifest) with(t *testing.T, patch string) sealedManifest {
	t.Helper()
	var object, changes map[string]any
	if err := errors.Join(yaml.Unmarshal([]byte(m), &object), yaml.Unmarshal([]byte(patch), &changes)); err != nil {
		t.Fatal(err)
	}
	mergePatch(object, changes)
	text, err := yaml.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return sealedManifest(text)
}

// mergePatch is a JSON merge patch.
func mergePatch(into, changes map[string]any) {
	for name, change := range changes {
		changed, isMap := change.(map[string]any)
		switch at, ok := into[name].(map[string]any); {
		case change == nil:
			delete(into, name)
		case isMap && ok:
			mergePatch(at, changed)
		case isMap:
			made := map[string]any{}
			mergePatch(made, changed)
			into[name] = made
		default:
			into[name] = change
		}
	}
}

// as is the manifest as another object's, whose ciphertexts stay what they are.
func (m sealedManifest) as(t *testing.T, namespace, name string) sealedManifest {
	t.Helper()
	return m.with(t, fmt.Sprintf("{metadata: {namespace: %s, name: %s}}", namespace, name))
}

// entries are the ciphertexts, in base64.
func (m sealedManifest) entries(t *testing.T) map[string]string {
	t.Helper()
	var object struct {
		Spec struct {
			EncryptedData map[string]string `json:"encryptedData"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal([]byte(m), &object); err != nil {
		t.Fatal(err)
	}
	return object.Spec.EncryptedData
}

// sealingKey is a key that an administrator brings, made for this test.
type sealingKey struct {
	certificate, private []byte // PEM
	file                 string // of the certificate
}

// brought counts the keys of administrators. A certificate's times are seconds.
var brought atomic.Int64

// newSealingKey makes one whose certificate is valid later than all that were made before, so that it is the newest.
func newSealingKey(t *testing.T) sealingKey {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	from := time.Now().Add(time.Duration(brought.Add(1)) * time.Minute)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(from.UnixNano()), Subject: pkix.Name{CommonName: "brought"}, NotBefore: from, NotAfter: from.Add(24 * time.Hour),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	k := sealingKey{
		certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}),
		private:     pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}),
		file:        filepath.Join(t.TempDir(), "certificate.pem"),
	}
	plantPEM(k.private)
	if err := errors.Join(os.WriteFile(k.file, k.certificate, 0o600), os.WriteFile(k.privateFile(), k.private, 0o600)); err != nil {
		t.Fatal(err)
	}
	return k
}

// privateFile is beside the certificate's.
func (k sealingKey) privateFile() string { return filepath.Join(filepath.Dir(k.file), "private.pem") }

// secret is its Secret, as Sealed Secrets has administrators make one.
func (k sealingKey) secret(name string) string { return k.secretIn(lab.Namespace, name) }

// secretIn is its Secret in another namespace than the installation's.
func (k sealingKey) secretIn(namespace, name string) string {
	return fmt.Sprintf("{apiVersion: v1, kind: Secret, type: kubernetes.io/tls, metadata: {namespace: %s, name: %s, labels: {%s: active}}, "+
		"stringData: {tls.crt: %q, tls.key: %q}}", namespace, name, sealingKeyLabel, k.certificate, k.private)
}

// sealingKeyLabel is on the Secrets of keys.
const sealingKeyLabel = "sealedsecrets.bitnami.com/sealed-secrets-key"
