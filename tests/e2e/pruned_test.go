package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/secretsmanager"
)

// prunedPolicy logs writes of the status, once a request, without its content.
const prunedPolicy = `{"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": [
	{"level": "Metadata", "verbs": ["update", "patch"], "resources": [{"group": "kubernetes-client.io", "resources": ["externalsecrets/status"]}]},
	{"level": "None"}]}`

// prunedObjects are synced beside one that fails.
const prunedObjects = 10

// The CRD of another product has no place for all that a sync remembers, and the API server prunes it. Nothing is written again and again
// for that, neither at rest nor after a restart, and a Secret that is deleted while no syncer runs is made anew.
func TestAStatusThatTheCRDPrunes(t *testing.T) {
	t.Parallel()
	logs := t.TempDir()
	policy := filepath.Join(logs, "policy.json")
	if err := os.WriteFile(policy, []byte(prunedPolicy), 0o600); err != nil {
		t.Fatal(err)
	}
	log := auditLog(logs)
	p := &pruning{log: log, site: newSite(t, lab.Options{
		APIServerArgs: []string{"--audit-policy-file=" + policy, "--audit-log-path=" + log, "--audit-log-mode=blocking"},
	})}
	p.kubectl.Must(t, "create", "namespace", prunedNamespace)
	p.strip(t, "secretName", "secretResourceVersion", "secretUID", "dataRevision", "entries", "observedForceSync")
	syncer := p.start(t)
	p.apply(t)
	p.attempts(t, syncer)
	if es := p.object(t, "fine-0"); es.Status.SecretName != "" || es.Status.SecretResourceVersion != "" || len(es.Status.Entries) > 0 {
		t.Fatalf("got the status %+v, want it pruned", es.Status)
	}

	before := p.statusWrites(t)
	p.attempts(t, syncer)
	if n := p.statusWrites(t) - before; n != 0 {
		t.Errorf("got %d writes of a status at rest, want none", n)
	}

	syncer.Stop()
	p.kubectl.Must(t, "delete", "secret", "-n", prunedNamespace, "fine-3")
	before = p.statusWrites(t)
	if err := syncer.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.secret(t, "fine-3")
	p.attempts(t, syncer)
	// One of each outcome teaches what is pruned, and fine-3 is new.
	if n := p.statusWrites(t) - before; n > 3 {
		t.Errorf("got %d writes of a status after a restart, want three at most", n)
	}
}

const prunedNamespace = "pruned"

// pruning is a cluster with a CRD that prunes, and the audit log of its API server.
type pruning struct {
	*site
	log string
}

// strip takes fields of the status out of the CRD, and waits until the API server prunes them.
func (p *pruning) strip(t *testing.T, fields ...string) {
	t.Helper()
	var patch []string
	for _, field := range fields {
		patch = append(patch, `{"op":"remove","path":"/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/`+field+`"}`)
	}
	p.kubectl.Must(t, "patch", "crd", "externalsecrets.kubernetes-client.io", "--type=json", "-p", "["+strings.Join(patch, ",")+"]")
	p.kubectl.MustApply(t, prunedNamespace, object("unserved", "{controllerId: unserved, backendType: secretsManager, dataFrom: [a]}"))
	harness.Eventually(t, func() error {
		p.kubectl.Must(t, "patch", "externalsecrets.kubernetes-client.io", "unserved", "-n", prunedNamespace, "--subresource=status", "--type=merge",
			"-p", `{"status":{"secretName":"a"}}`)
		if p.object(t, "unserved").Status.SecretName != "" {
			return fmt.Errorf("the API server prunes nothing yet")
		}
		return nil
	})
}

// start starts a syncer that syncs one object at a time.
func (p *pruning) start(t *testing.T) *lab.Service {
	t.Helper()
	syncer, err := p.lab.NewSyncer("pruned", lab.Extra{
		Args: []string{"--refresh-interval=1s", "--min-refresh-interval=1s", "--workers=1"}, Env: []string{"INSTANCE_ID=pruned"},
	})
	if err == nil {
		err = syncer.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(syncer.Stop)
	return syncer
}

// apply creates the objects, and waits until each has been tried.
func (p *pruning) apply(t *testing.T) {
	t.Helper()
	secret := secretsmanager.Secret{Name: "pruned/db", String: secretValue()}
	if err := p.lab.Clouds.AWS().PutSecrets(p.lab.AWSRegion, secret); err != nil {
		t.Fatal(err)
	}
	reads := func(name, key string) {
		p.kubectl.MustApply(t, prunedNamespace, object(name, "{controllerId: pruned, backendType: secretsManager, data: [{key: "+key+", name: password}]}"))
	}
	for i := range prunedObjects {
		reads(fmt.Sprint("fine-", i), "pruned/db")
	}
	reads("broken", "pruned/nowhere")
	for i := range prunedObjects {
		p.secret(t, fmt.Sprint("fine-", i))
	}
	harness.Eventually(t, func() error {
		for _, c := range p.object(t, "broken").Status.Conditions {
			if c.Reason == string(plan.ReasonSecretNotFound) {
				return nil
			}
		}
		return fmt.Errorf("the object broken does not fail yet")
	})
}

// attempts waits until two objects were tried, or refreshed, some times more. The others were meanwhile, too.
func (p *pruning) attempts(t *testing.T, syncer *lab.Service) {
	t.Helper()
	awaitAttempts(t, syncer.MetricsAddress, prunedNamespace, fmt.Sprint("fine-", prunedObjects-1), "success", 3)
	awaitAttempts(t, syncer.MetricsAddress, prunedNamespace, "broken", "error", 3)
}

func (p *pruning) object(t *testing.T, name string) *apiv1.ExternalSecret {
	t.Helper()
	es := &apiv1.ExternalSecret{}
	if err := p.kubectl.Read(t.Context(), es, "externalsecrets.kubernetes-client.io", name, "-n", prunedNamespace); err != nil {
		t.Fatal(err)
	}
	return es
}

// secret waits for a Secret.
func (p *pruning) secret(t *testing.T, name string) {
	t.Helper()
	harness.Eventually(t, func() error {
		return p.kubectl.Read(t.Context(), &corev1.Secret{}, "secret", name, "-n", prunedNamespace)
	})
}

// statusWrites is how often a status was written so far.
func (p *pruning) statusWrites(t *testing.T) (n int) {
	t.Helper()
	file, err := os.Open(filepath.Clean(p.log))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var event struct {
			User      struct{ Username string }
			ObjectRef struct{ Resource, Subresource string }
		}
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			t.Fatal(fmt.Errorf("the audit log: %w", err))
		}
		if event.ObjectRef.Resource == "externalsecrets" && event.ObjectRef.Subresource == "status" && strings.HasSuffix(event.User.Username, ":syncer") {
			n++
		}
	}
	return n
}
