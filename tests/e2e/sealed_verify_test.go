package e2e

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/secretgate/secretgate/shared/opening"
	"github.com/secretgate/secretgate/tests/harness"
)

const (
	requireOpenable = `secretgate.io/require-openable: "true"`
	cannotBeOpened  = "spec.encryptedData[a] cannot be opened with this cluster's keys: sealed for another cluster, for another namespace, name or " +
		"scope, or by a key that is gone: restore that key in namespace secretgate, or seal the value again by kubeseal"
	requiredOpenable = `spec.encryptedData[a]: Forbidden: cannot be opened with this cluster's keys, which namespace "closed-required" requires ` +
		`(annotation secretgate.io/require-openable: "true"): sealed for another cluster`
	notKnown = "whether this cluster's keys open its values"
)

// warnsOfClosed applies values that no key of the cluster opens.
func (s sealedSite) warnsOfClosed(t *testing.T) {
	foreign, value := newSealingKey(t), secretValue()
	warned, required := s.namespace(t, "closed-warned"), s.namespace(t, "closed-required", requireOpenable)
	sealed := func(ns string, args ...string) sealedManifest {
		return s.seal(t, ns, "db", map[string]string{"a": value}, args...)
	}
	// The webhook and the syncer have published their certificates once there is an answer.
	harness.Eventually(t, func() error {
		_, err := s.saysAtApply(t, sealed(warned, "--cert="+foreign.file), cannotBeOpened, "--dry-run=server")
		return err
	})
	if _, err := s.saysAtApply(t, sealed(warned, "--cert="+foreign.file), cannotBeOpened); err != nil {
		t.Error(err)
	}
	s.says(t, warned, "db", "False", noKey)
	for _, args := range [][]string{{"--dry-run=server"}, nil} {
		if _, err := s.kubectl.Apply(t.Context(), "", string(sealed(required, "--cert="+foreign.file)), args...); err == nil ||
			!strings.Contains(err.Error(), requiredOpenable) {
			t.Errorf("kubectl apply %q: got %v, want a denial that says %q", args, err, requiredOpenable)
		}
	}
	for _, ns := range []string{warned, required} { // an update, and a creation
		if said, err := s.kubectl.Apply(t.Context(), "", string(sealed(ns))); err != nil || strings.Contains(said, "Warning") {
			t.Errorf("namespace %s: got %q (%v), want a value of the cluster's key stored without a warning", ns, said, err)
		}
		s.holds(t, ns, "db", map[string]string{"a": value})
	}
	s.denies(t, "an update to a foreign value", sealed(required, "--cert="+foreign.file), requiredOpenable)
	s.denies(t, "a value of another object", sealed(warned).as(t, required, "renamed"), requiredOpenable)
	s.has(t, required, "db", map[string]string{"a": value})
	// The key comes, as from a backup.
	s.kubectl.MustApply(t, "", foreign.secret("foreign"))
	harness.Eventually(t, func() error {
		said, err := s.kubectl.Apply(t.Context(), "", string(sealed(required, "--cert="+foreign.file)))
		if err == nil && strings.Contains(said, "Warning") {
			err = fmt.Errorf("got %q, want no warning", said)
		}
		return err
	})
	s.kubectl.Must(t, "delete", "secret", "foreign", "-n", "secretgate")
}

// saysAtApply applies a manifest that is stored, and expects a warning.
func (s sealedSite) saysAtApply(t *testing.T, manifest sealedManifest, want string, args ...string) (said string, err error) {
	t.Helper()
	said, err = s.kubectl.Apply(t.Context(), "", string(manifest), args...)
	if err == nil && !strings.Contains(said, "Warning: "+want) {
		err = fmt.Errorf("got %q, want a warning that says %q", said, want)
	}
	return said, err
}

// storesUnknown takes the syncers away from the webhook, has one hang, and brings them back. Objects that are denied otherwise are stored.
func (s sealedSite) storesUnknown(t *testing.T) {
	foreign := newSealingKey(t)
	plain, required := s.namespace(t, "unknown-plain"), s.namespace(t, "unknown-required", requireOpenable)
	verifying := argumentOf(t, s.lab.Syncer, "--sealed-verify-bind-address=")
	sealed := func(ns, name string) sealedManifest {
		return s.seal(t, ns, name, map[string]string{"a": secretValue()}, "--cert="+foreign.file)
	}
	hanging, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // no connection is accepted
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = hanging.Close() }()
	for name, takeAway := range map[string]func(){
		"gone":  s.opener.Cut,
		"hangs": func() { s.opener.Cut(); s.opener.Set(hanging.Addr().String()) },
	} {
		takeAway()
		if said, err := s.kubectl.Apply(t.Context(), "", string(sealed(required, name))); err != nil || !strings.Contains(said, notKnown) {
			t.Errorf("%s: got %q (%v), want it stored with a warning that says %q", name, said, err, notKnown)
		}
		if said, err := s.kubectl.Apply(t.Context(), "", string(sealed(plain, name))); err != nil || strings.Contains(said, "Warning") {
			t.Errorf("%s: got %q (%v), want it stored without a warning, since the namespace asks for none", name, said, err)
		}
	}
	s.opener.Set(verifying)
	harness.Eventually(t, func() error { // the webhook tries again after a while
		_, err := s.kubectl.Apply(t.Context(), "", string(sealed(required, "back")), "--dry-run=server")
		if err == nil || !strings.Contains(err.Error(), "cannot be opened with this cluster's keys") {
			return fmt.Errorf("got %w, want a denial", err)
		}
		return nil
	})
}

// answersTheWebhookAlone asks the syncer as other clients of the cluster can.
func (s sealedSite) answersTheWebhookAlone(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: opening.ConfigMapWebhook}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	for name, certificates := range map[string][]tls.Certificate{
		"no certificate": nil, "a certificate of its own": {{Certificate: [][]byte{der}, PrivateKey: key}},
	} {
		dialer := &tls.Dialer{Config: &tls.Config{Certificates: certificates, InsecureSkipVerify: true}}
		conn, err := dialer.DialContext(t.Context(), "tcp", s.opener.Addr())
		if err != nil {
			continue // refused already
		}
		_, _ = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 13\r\n\r\n{\"values\":[]}", opening.Path)
		if answer, err := http.ReadResponse(bufio.NewReader(conn), nil); err == nil {
			_ = answer.Body.Close()
			t.Errorf("a client with %s: got status %s, want no answer", name, answer.Status)
		}
		_ = conn.Close()
	}
	if answer, err := http.Get("http://" + s.opener.Addr() + opening.Path); err == nil { //nolint:noctx // it is refused
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusBadRequest { // as Go answers HTTP at a port of TLS
			t.Errorf("a client without TLS: got status %s, want no answer", answer.Status)
		}
	}
}
