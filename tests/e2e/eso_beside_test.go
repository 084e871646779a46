package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/secretgate/secretgate/shared/dialect/eso/v1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/tests/harness"
)

// TestBesideESO runs External Secrets Operator itself, and moves its stores to Secretgate and back.
func TestBesideESO(t *testing.T) {
	t.Parallel()
	s := newBesideSite(t)
	t.Cleanup(func() {
		if t.Failed() {
			said, err := s.kubectl.Run(context.Background(), "get", "externalsecrets.external-secrets.io", "--all-namespaces",
				"--output=jsonpath={range .items[*]}{.metadata.name}: {.metadata.finalizers} {.status.conditions}{\"\\n\"}{end}")
			t.Log(said, err)
		}
	})
	s.setUpBeside(t)
	s.installsBeside(t)
	t.Run("a store that is moved takes its objects with it, and their Secrets are never away", s.movesOver)
	t.Run("and one that is given back likewise", s.movesBack)
	t.Run("where both serve, that is reported, and Secrets are whole", s.servesTwice)
	t.Run("where Secretgate judges alone, External Secrets Operator serves what it permits", s.judgesAlone)
	t.Run("where it stops, Secretgate serves its stores as they are, until it starts again", s.replaces)
	t.Run("objects can be deleted once External Secrets Operator is gone", s.survives)
}

func (s *besideSite) movesOver(t *testing.T) {
	passwords := []string{s.rotate(t)}
	for _, o := range besideObjects() {
		s.kubectl.MustApply(t, o.namespace, s.object(o.name, "{"+o.spec+"}"))
	}
	s.arrives(t, passwords[0])
	s.servedByESO(t)
	secrets := s.watches(t)
	s.give(t, "secretgate")
	s.servedByUs(t)
	left := s.writesOf(t, userOfESO)
	for range 3 {
		passwords = append(passwords, s.rotate(t))
		s.arrives(t, passwords[len(passwords)-1])
	}
	s.servedByUs(t)
	secrets.areWhole(t, passwords...)
	for w, n := range s.writesOf(t, userOfESO) {
		if w.Resource == "secrets" && n != left[w] {
			t.Errorf("External Secrets Operator wrote a Secret that is Secretgate's %d times: %v", n-left[w], w)
		}
	}
	for w, n := range s.writesOf(t, userOfSyncer) {
		if w.Resource == "externalsecrets" && w.Subresource == "" && !w.Conflicts && n > 1 {
			t.Errorf("got %d writes %v, want one: External Secrets Operator puts its finalizer back", n, w)
		}
	}
	log := s.logOfESO(t)
	for _, o := range besideObjects() {
		passed := fmt.Sprintf(`"skipping ExternalSecret, uses unmanaged SecretStore","ExternalSecret":{"name":%q,"namespace":%q}`, o.name, o.namespace)
		if !strings.Contains(log, passed) {
			t.Errorf("External Secrets Operator does not log %s", passed)
		}
	}
}

// movesBack touches the objects, as the README says: External Secrets Operator watches no stores, and has dropped what it passed by.
func (s *besideSite) movesBack(t *testing.T) {
	passwords := []string{s.rotate(t)}
	s.arrives(t, passwords[0])
	secrets := s.watches(t)
	s.give(t, "")
	passwords = append(passwords, s.rotate(t))
	for _, namespace := range []string{besideTeam, besideMerge} {
		s.kubectl.Must(t, "annotate", "externalsecrets.external-secrets.io", "--all", "-n", namespace, "--overwrite", "force-sync=back")
	}
	s.arrives(t, passwords[1])
	s.servedByESO(t)
	left := s.writesOf(t, userOfSyncer)
	for range 3 {
		passwords = append(passwords, s.rotate(t))
		s.arrives(t, passwords[len(passwords)-1])
	}
	s.servedByESO(t)
	secrets.areWhole(t, passwords...)
	if diff := cmp.Diff(left, s.writesOf(t, userOfSyncer)); diff != "" {
		t.Errorf("Secretgate writes what is External Secrets Operator's (-before +after):\n%s", diff)
	}
}

func (s *besideSite) servesTwice(t *testing.T) {
	passwords := []string{s.rotate(t)}
	s.arrives(t, passwords[0])
	secrets := s.watches(t)
	s.restart(t, "--eso-serve-default=true")
	for _, o := range besideObjects() {
		if o.name == "merged" { // both set the same entries, and take nothing away
			continue
		}
		harness.Eventually(t, func() error {
			said := s.kubectl.Must(t, "get", "events", "-n", o.namespace, "--field-selector=reason=ServedTwice,involvedObject.name="+o.name)
			if want := "another controller writes Secret " + o.name + ": if External Secrets Operator serves its store, too"; !strings.Contains(said, want) {
				return fmt.Errorf("got events %q of %s, want %q", said, o.name, want)
			}
			return nil
		})
	}
	for range 2 {
		passwords = append(passwords, s.rotate(t))
		s.arrives(t, passwords[len(passwords)-1])
	}
	secrets.areWhole(t, passwords...)
	s.restart(t, "--eso-serve-default=false")
	passwords = append(passwords, s.rotate(t))
	s.arrives(t, passwords[len(passwords)-1])
	s.servedByESO(t)
}

// judgesAlone narrows the policy under objects that are there: what External Secrets Operator writes to these must pass.
func (s *besideSite) judgesAlone(t *testing.T) {
	s.lab.Syncer.Stop()
	s.kubectl.Must(t, "annotate", "namespace", besideTeam, names.AnnotationPermittedKeyName+"=secret/data/public/.*")
	reads := func(name, key string) string {
		return s.object(name, fmt.Sprintf("{refreshInterval: 1s, secretStoreRef: {name: vault}, data: [{secretKey: a, remoteRef: {key: %s, property: a}}]}", key))
	}
	harness.Eventually(t, func() error { // the webhook learns of the annotation with a delay
		_, err := s.kubectl.Apply(t.Context(), besideTeam, reads("denied", "beside/db"), "--dry-run=server")
		const want = `spec.data[0].remoteRef.key: Forbidden: "secret/data/beside/db" is not permitted in namespace "` + besideTeam + `"`
		if err == nil || !strings.Contains(err.Error(), want) {
			return fmt.Errorf("got %w, want a denial that says %q", err, want)
		}
		return nil
	})
	value := secretValue()
	s.putVault(t, "public/a", map[string]any{"a": value})
	s.kubectl.MustApply(t, besideTeam, reads("permitted", "public/a"))
	s.holds(t, besideTeam, "permitted", map[string]string{"a": value})
	s.says(t, besideTeam, "permitted", v1.ReasonSynced, "secret synced")

	s.kubectl.Must(t, "patch", "externalsecrets.external-secrets.io/owned", "-n", besideTeam, "--type=merge", "--patch", `{"metadata": {"finalizers": null}}`)
	s.arrives(t, s.rotate(t))
	s.servedByESO(t)
	for _, name := range []string{"owned", "permitted"} {
		s.kubectl.Must(t, "delete", "externalsecrets.external-secrets.io", name, "-n", besideTeam, "--timeout=60s")
	}
	s.kubectl.Must(t, "annotate", "namespace", besideTeam, names.AnnotationPermittedKeyName+"-")
}

// replaces goes all at once, and back.
func (s *besideSite) replaces(t *testing.T) {
	harness.Eventually(t, func() error { // the webhook learns with a delay that the annotation is gone
		_, err := s.kubectl.Apply(t.Context(), besideTeam, s.object("owned", "{"+besideObjects()[0].spec+"}"))
		return err
	})
	passwords := []string{s.rotate(t)}
	s.arrives(t, passwords[0])
	s.servedByESO(t)
	secrets := s.watches(t)
	s.process.Stop()
	s.restart(t, "--eso-serve-default=true")
	s.servedByUs(t)
	for _, o := range besideObjects() {
		harness.Eventually(t, func() error {
			if left := s.esoObject(t, o.namespace, o.name).Finalizers; len(left) > 0 {
				return fmt.Errorf("%s: got finalizers %v, want none", o.name, left)
			}
			return nil
		})
	}
	passwords = append(passwords, s.rotate(t))
	s.arrives(t, passwords[1])
	s.lab.Syncer.Stop()
	s.startESO(t)
	s.servedByESO(t)
	passwords = append(passwords, s.rotate(t))
	s.arrives(t, passwords[2])
	secrets.areWhole(t, passwords...)
}

// survives takes External Secrets Operator away, of which its finalizers are left. Objects that Secretgate serves can be deleted, and
// leave what they must.
func (s *besideSite) survives(t *testing.T) {
	s.give(t, "secretgate")
	s.restart(t, "--eso-serve-default=false")
	s.arrives(t, s.rotate(t))
	s.servedByUs(t)
	harness.Eventually(t, func() error {
		if left := s.esoObject(t, besideTeam, "owned").Finalizers; len(left) == 0 {
			return fmt.Errorf("got no finalizer, want External Secrets Operator's, which still runs")
		}
		return nil
	})
	s.process.Stop()
	for _, o := range besideObjects() {
		s.kubectl.Must(t, "delete", "externalsecrets.external-secrets.io", o.name, "-n", o.namespace, "--timeout=60s")
	}
	want := map[string]bool{"owned": false, "templated": false, "orphaned": true, "merged": true}
	for _, o := range besideObjects() {
		harness.Eventually(t, func() error { // the garbage collector takes a moment
			left := s.kubectl.Must(t, "get", "secret", o.name, "-n", o.namespace, "--ignore-not-found", "--output=name")
			if got := left != ""; got != want[o.name] {
				return fmt.Errorf("secret %s is left: got %t, want %t", o.name, got, want[o.name])
			}
			return nil
		})
	}
}
