package e2e

import (
	"context"
	"crypto"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"

	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
)

// The tests of this file exchange certificates while objects are written: each runs while no other does.

// TestRotationOfOurOwnCAFailsNoWrite: a CA grows old, and is followed by another. What would take months is done by dating
// back what the webhook's Secret says.
func TestRotationOfOurOwnCAFailsNoWrite(t *testing.T) {
	replicas := []*lab.Service{theLab.Webhook, startReplica(t, "webhook-second")}
	startWitness(t)
	l := startLoad(t)
	const longAgo = "2001-01-01T00:00:00Z"
	first := agedCA(t, kept(t, "ca.key"))
	keep(t, "ca.crt", first)

	awaitBundle(t, func() []byte { return slices.Concat(first, kept(t, "next-ca.crt")) })
	harness.Eventually(t, func() error {
		if len(kept(t, "next-ca.published-since")) == 0 {
			return errors.New("the new CA is not waiting for its turn")
		}
		return nil
	})
	second := kept(t, "next-ca.crt")
	plantPEM(kept(t, "next-ca.key"))
	awaitCertificates(t, replicas, first)
	l.goesOn(t)

	keep(t, "next-ca.published-since", []byte(longAgo))
	awaitBundle(t, func() []byte { return slices.Concat(second, first) })
	awaitCertificates(t, replicas, second)
	l.goesOn(t)

	keep(t, "previous-ca.published-until", []byte(longAgo))
	awaitBundle(t, func() []byte { return second })
	l.goesOn(t)
}

// kept is an entry of the webhook's Secret.
func kept(t *testing.T, key string) []byte {
	t.Helper()
	return getSecret(t, lab.Namespace, "webhook-tls").Data[key]
}

func keep(t *testing.T, key string, value []byte) {
	t.Helper()
	change(t, "secret", lab.Namespace, "webhook-tls", fmt.Sprintf(`{"data": {%q: %q}}`, key, base64.StdEncoding.EncodeToString(value)))
}

// agedCA is the certificate that a CA would have, had it been made long ago: its key is the same, and so is what it has signed.
func agedCA(t *testing.T, key []byte) []byte {
	t.Helper()
	plantPEM(key)
	parsed, err := keyutil.ParsePrivateKeyPEM(key)
	if err != nil {
		t.Fatal(err)
	}
	signer, ok := parsed.(crypto.Signer)
	if !ok {
		t.Fatal("the CA's key does not sign")
	}
	// It ends in ten years.
	aged, err := cert.NewSelfSignedCACert(cert.Config{CommonName: "secretgate-webhook-ca", NotBefore: time.Now().AddDate(-30, 0, 0)}, signer)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: aged.Raw})
}

// awaitCertificates waits until each replica serves a certificate of this CA.
func awaitCertificates(t *testing.T, replicas []*lab.Service, ca []byte) {
	t.Helper()
	for _, replica := range replicas {
		harness.Eventually(t, func() error { return handshake(replica.Address, ca) })
	}
}

// TestReplacedFilesFailNoWrite: the files of a certificate are replaced by those of another CA, as kubelet does in a mounted
// Secret, between the two steps in which the CA bundle is exchanged.
func TestReplacedFilesFailNoWrite(t *testing.T) {
	theLab.Webhook.Stop() // it would put its own CA there
	t.Cleanup(func() { startAgain(t, theLab.Webhook) })
	first, second := newFiles(t), newFiles(t)
	inject(t, first["ca.crt"])
	var replicas []*lab.Service
	var folders []string
	for _, mode := range []string{"files", "cert-manager"} {
		folder := t.TempDir()
		mount(t, folder, "first", first)
		replicas = append(replicas, startReplica(t, "webhook-"+mode, "--tls="+mode, "--cert-dir="+folder))
		folders = append(folders, folder)
	}
	startWitness(t)
	l := startLoad(t)

	inject(t, slices.Concat(first["ca.crt"], second["ca.crt"]))
	l.goesOn(t)
	for _, folder := range folders {
		mount(t, folder, "second", second)
	}
	awaitCertificates(t, replicas, second["ca.crt"])
	l.goesOn(t)
	inject(t, second["ca.crt"])
	l.goesOn(t)
}

// newFiles are a certificate for the webhook, its key, and the CA of its own that signed it.
func newFiles(t *testing.T) map[string][]byte {
	t.Helper()
	chain, key, err := cert.GenerateSelfSignedCertKey("127.0.0.1", []net.IP{net.IPv4(127, 0, 0, 1)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	plantPEM(key)
	_, ca := pem.Decode(chain)
	return map[string][]byte{"tls.crt": chain, "tls.key": key, "ca.crt": ca}
}

// mount puts files into a folder in kubelet's way: all of them change at once, by one link.
func mount(t *testing.T, folder, version string, files map[string][]byte) {
	t.Helper()
	errs := []error{os.Mkdir(filepath.Join(folder, version), 0o700)}
	for name, content := range files {
		errs = append(errs, os.WriteFile(filepath.Join(folder, version, name), content, 0o600))
		if err := os.Symlink(filepath.Join("..data", name), filepath.Join(folder, name)); !errors.Is(err, os.ErrExist) {
			errs = append(errs, err)
		}
	}
	next := filepath.Join(folder, "..next")
	errs = append(errs, os.Symlink(version, next), os.Rename(next, filepath.Join(folder, "..data")))
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// startAgain starts a webhook at the end of a test, and waits until the API server reaches it.
func startAgain(t *testing.T, webhook *lab.Service) {
	t.Helper()
	ctx := context.Background() // the test's own has ended
	if err := webhook.Start(ctx); err != nil {
		t.Fatal(err)
	}
	anything := object("anything", "{backendType: secretsManager, dataFrom: [anything]}")
	harness.Eventually(t, func() error {
		_, err := kubectl.Stdin(anything).Run(ctx, "create", "--dry-run=server", "-f", "-", "-n", "default")
		return err
	})
}
