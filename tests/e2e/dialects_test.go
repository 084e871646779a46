package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
)

// asTheLab are flags by which SecretDefinitions are read as vaultSpec has ExternalSecrets read.
func asTheLab() []string {
	return []string{
		"--dialects=kes,tuenti", "--vault.auth-method=kubernetes", "--vault.kubernetes-path=kubernetes", "--vault.kubernetes-role=" + lab.VaultRole,
	}
}

// One syncer has one engine for both kinds: what both of them name, as the same role, is one source.
func TestAPathThatTwoKindsNameIsReadOnce(t *testing.T) {
	t.Parallel()
	namespace, value := newNamespace(t, nil), secretValue()
	putVault(t, namespace, map[string]any{"password": value})
	keys := in(namespace, "{password: {path: secret/data/NS, key: password}}")
	spec := in(namespace, "{controllerId: NS, backendType: vault, dataFrom: [secret/data/NS]}")
	const times = 5
	for i := range times {
		kubectl.MustApply(t, namespace, definition(fmt.Sprint("defined-", i), fmt.Sprint("defined-", i), keys))
		kubectl.MustApply(t, namespace, object(fmt.Sprint("external-", i), spec))
	}
	s := startSyncerWith(t, namespace, append(asTheLab(), "--watch-namespaces="+namespace, "--reconcile-period=1h"),
		"POLLER_INTERVAL_MILLISECONDS=3600000", "DEFAULT_VAULT_MOUNT_POINT=kubernetes", "DEFAULT_VAULT_ROLE="+lab.VaultRole)
	for i := range times {
		for _, name := range []string{fmt.Sprint("defined-", i), fmt.Sprint("external-", i)} {
			awaitData(t, namespace, name, map[string]string{"password": value})
		}
	}
	metrics := harness.MustScrape(t, s.metrics)
	if n := metrics.MustSum(t, "secretgate_sources", `backend="vault"`); n != 1 {
		t.Errorf("got %v sources, want 1", n)
	}
	// An object that comes after a read has ended has a read of its own, so that their number depends on the machine. Each of them is for
	// all that know the source by then.
	if n := metrics.MustSum(t, "secretgate_backend_reads_avoided_total", `reason="shared"`); n == 0 {
		t.Error("got no read that served several objects, want some")
	}
}

// TestADialectComesToBeServedWithItsCRD: a syncer that is told to serve a kind which the cluster does not know serves the others,
// says so once, and serves that one, too, when its CRD comes.
func TestADialectComesToBeServedWithItsCRD(t *testing.T) {
	s := newSite(t, lab.Options{})
	withoutCRD := overlayWith("local-plain", "dialects/tuenti", "without-admission")
	withoutCRD["kustomization.yaml"] += `patches:
  - target: {kind: CustomResourceDefinition, name: secretdefinitions.secrets-manager.tuenti.io}
    patch: |
      {$patch: delete, kind: any, metadata: {name: any}}
`
	s.kubectl.MustApply(t, "", s.build(t, s.compose(t, withoutCRD)))
	syncer, err := s.lab.NewSyncer("early", lab.Extra{
		Args: append(asTheLab(), "--refresh-interval=1s", "--min-refresh-interval=1s", "--reconcile-period=1s"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := syncer.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	const namespace = "early"
	s.kubectl.Must(t, "create", "namespace", namespace)
	write := func(value string) {
		s.put(t, "early/db", value)
		if _, err := s.lab.Vault().KVv2("secret").Put(t.Context(), "early/db", map[string]any{"x": value}); err != nil {
			t.Fatal(err)
		}
	}
	write("first")
	if _, err := s.applyObject(t, namespace, "db", "early/db", ""); err != nil {
		t.Fatal(err)
	}
	s.awaitSecret(t, namespace, "db", corev1.SecretTypeOpaque, "first")
	s.awaitReady(t, namespace, "db", plan.ReasonSynced)

	const sentence = "the cluster knows no SecretDefinition, so that none is served: " +
		"apply secrets-manager.tuenti.io_secretdefinitions.yaml of crds/, or leave tuenti out of --dialects"
	logged := func() int {
		log, err := os.ReadFile(syncer.LogFile())
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(log), sentence)
	}
	if n := logged(); n != 1 {
		t.Errorf("the log says %d times, want once, that %s", n, sentence)
	}

	s.addKind(t, filepath.Join(s.lab.Root, "crds", "secrets-manager.tuenti.io_secretdefinitions.yaml"), "secretdefinitions.secrets-manager.tuenti.io")
	s.kubectl.MustApply(t, namespace, definition("defined", "defined", "{x: {path: secret/data/early/db, key: x}}"))
	s.awaitSecret(t, namespace, "defined", corev1.SecretTypeOpaque, "first")
	write("second")
	for _, name := range []string{"db", "defined"} {
		s.awaitSecret(t, namespace, name, corev1.SecretTypeOpaque, "second")
	}
	if n := logged(); n != 1 {
		t.Errorf("the log says %d times, want once, that %s", n, sentence)
	}
}
