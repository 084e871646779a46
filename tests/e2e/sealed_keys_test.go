package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"

	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
)

// awaitCertificate waits until kubeseal is given the certificate of a key.
func (s sealedSite) awaitCertificate(t *testing.T, key sealingKey) {
	t.Helper()
	harness.Eventually(t, func() error {
		if got, err := s.kubeseal(t, "", "--fetch-cert"); err != nil || got != string(key.certificate) {
			return fmt.Errorf("got another certificate than the newest (%w)", err)
		}
		return nil
	})
}

// restoresKeys loses a key of which there is a backup, as the documents of Sealed Secrets have administrators make it, and restores it.
func (s sealedSite) restoresKeys(t *testing.T) {
	ns, value := s.namespace(t, "restores"), secretValue()
	want := map[string]string{"a": value}
	old := newSealingKey(t)
	s.kubectl.MustApply(t, "", old.secret("old"))
	s.awaitCertificate(t, old)
	s.apply(t, s.seal(t, ns, "before", want, "--cert="+old.file))
	before := s.holds(t, ns, "before", want)

	admin := newShellOf(t, s.lab, lab.Namespace)
	if said, err := admin.run(t.Context(), "kubectl get secret old -o yaml > backup.yaml\nkubectl delete secret old"); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	renewed := newSealingKey(t)
	s.kubectl.MustApply(t, "", renewed.secret("renewed"))
	s.awaitCertificate(t, renewed)
	s.apply(t, s.seal(t, ns, "after", want, "--cert="+renewed.file))
	s.holds(t, ns, "after", want)

	s.apply(t, s.seal(t, ns, "lost", want, "--cert="+old.file))
	s.says(t, ns, "lost", "False", noKey)
	s.hasNot(t, ns, "lost")
	var kept corev1.Secret
	s.decode(t, &kept, "secret", "before", "-n", ns)
	if kept.ResourceVersion != before.ResourceVersion {
		t.Errorf("got resourceVersion %s, want the Secret as it was, %s", kept.ResourceVersion, before.ResourceVersion)
	}

	if said, err := admin.run(t.Context(), "kubectl apply -f backup.yaml"); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	s.holds(t, ns, "lost", want)
	s.says(t, ns, "lost", "True", "")
	s.awaitCertificate(t, renewed) // the old key opens, and seals no more

	s.kubectl.Must(t, "label", "secret", "old", "-n", lab.Namespace, "--overwrite", sealingKeyLabel+"=compromised")
	s.apply(t, s.seal(t, ns, "compromised", want, "--cert="+old.file))
	s.says(t, ns, "compromised", "False", noKey)
	s.kubectl.Must(t, "delete", "secret", "old", "renewed", "-n", lab.Namespace)
}

// skipsMalformedKeys has Secrets with the label of a key that hold none.
func (s sealedSite) skipsMalformedKeys(t *testing.T) {
	ns, value := s.namespace(t, "malformed"), secretValue()
	sealed, other := newSealingKey(t), newSealingKey(t)
	junk, halves := sealed, sealed
	junk.private, junk.certificate = []byte("no key"), []byte("no certificate")
	halves.certificate = other.certificate // of another key
	s.kubectl.MustApply(t, "", junk.secret("junk"))
	s.kubectl.MustApply(t, "", halves.secret("halves"))
	s.hasEvent(t, lab.Namespace, "junk", "")
	s.hasEvent(t, lab.Namespace, "halves", "")
	s.apply(t, s.seal(t, ns, "db", map[string]string{"a": value}))
	s.holds(t, ns, "db", map[string]string{"a": value})
	s.lab.Syncer.Stop()
	if err := s.lab.Syncer.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.apply(t, s.seal(t, ns, "restarted", map[string]string{"a": value}))
	s.holds(t, ns, "restarted", map[string]string{"a": value})
	s.kubectl.Must(t, "delete", "secret", "junk", "halves", "-n", lab.Namespace)
}

// keys are the names of the Secrets of keys.
func (s sealedSite) keys(t *testing.T) (names []string) {
	t.Helper()
	var found corev1.SecretList
	s.decode(t, &found, "secrets", "-n", lab.Namespace, "-l", sealingKeyLabel+"=active")
	for _, key := range found.Items {
		names = append(names, key.Name)
	}
	return names
}

// shares starts two replicas at once where there is no key.
func (s sealedSite) shares(t *testing.T) {
	ns := s.namespace(t, "shares")
	s.lab.Syncer.Stop()
	s.kubectl.Must(t, "delete", "secrets", "-n", lab.Namespace, "-l", sealingKeyLabel)
	second, err := s.lab.NewSyncer("second", lab.Extra{})
	if err != nil {
		t.Fatal(err)
	}
	s.serveSealed(t, second)
	defer second.Stop()
	group, ctx := errgroup.WithContext(t.Context())
	for _, syncer := range []*lab.Service{s.lab.Syncer, second} {
		group.Go(func() error { return syncer.Start(ctx) })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	certificate := filepath.Join(t.TempDir(), "certificate.pem")
	harness.Eventually(t, func() error { return s.fetchCertificate(t, certificate) })
	if made := s.keys(t); len(made) != 1 {
		t.Errorf("got keys %v, want one", made)
	}
	want := map[string]string{}
	for i := range 20 {
		name := fmt.Sprint("db-", i)
		want[name] = secretValue()
		s.apply(t, s.seal(t, ns, name, map[string]string{"a": want[name]}, "--cert="+certificate))
	}
	for name, value := range want {
		s.holds(t, ns, name, map[string]string{"a": value})
	}
	// Each of them validates what both open.
	manifest := string(s.seal(t, ns, "db", map[string]string{"a": secretValue()}, "--cert="+certificate))
	for _, address := range []string{sealedAddress(t, s.lab.Syncer), sealedAddress(t, second)} {
		s.front.Set(address)
		if _, err := s.asks(t, manifest, "--validate"); err != nil {
			t.Errorf("the replica at %s: %v", address, err)
		}
	}
	s.front.Set(sealedAddress(t, s.lab.Syncer))
	s.opener.Set(argumentOf(t, s.lab.Syncer, "--sealed-verify-bind-address="))
	// The tests after this one seal with the key that there is now.
	if err := s.fetchCertificate(t, s.certificate); err != nil {
		t.Fatal(err)
	}
}

// sealedAddress is where a syncer answers kubeseal.
func sealedAddress(t *testing.T, syncer *lab.Service) string {
	t.Helper()
	return argumentOf(t, syncer, "--sealed-bind-address=")
}

// argumentOf is the value of a service's flag, which ends in =.
func argumentOf(t *testing.T, service *lab.Service, flag string) string {
	t.Helper()
	for _, arg := range service.Args {
		if value, found := strings.CutPrefix(arg, flag); found {
			return value
		}
	}
	t.Fatalf("%s has no argument %s", service.Name, flag)
	return ""
}
