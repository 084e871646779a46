package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/harness"
)

const permitted = "backendType: secretsManager, region: us-west-2, data: [{key: NS/db, name: password}]"

// guarded limits a namespace to keys of its own in one region, which is not the installation's default.
func guarded(t *testing.T) (namespace string) {
	t.Helper()
	namespace = newNamespace(t, nil)
	annotate(t, namespace, names.AnnotationPermittedKeyName+"="+namespace+"/.*")
	return namespace
}

// TestAttacksByParts: an object that was permitted is changed piece by piece, in every way to write a part of one. What is judged
// is the whole that comes of it.
func TestAttacksByParts(t *testing.T) {
	t.Parallel()
	namespace := guarded(t)
	annotate(t, namespace, names.AnnotationPermittedRegion+"=eu-west-1")
	kubectl.MustApply(t, namespace, object("db", in(namespace, "{suspend: true, backendType: secretsManager, region: eu-west-1, data: [{key: NS/db, name: password}]}")))
	before := getObject(t, namespace, "db")
	patch := func(kind, patch string) []string {
		return []string{"patch", "externalsecret", "-n", namespace, "db", "--type=" + kind, "-p", patch}
	}
	apply := func(manager string) []string {
		return []string{"apply", "--server-side", "--field-manager=" + manager, "-n", namespace, "-f", "-"}
	}
	for name, c := range map[string]struct {
		stdin string
		args  []string
		says  string
	}{
		"a JSON patch that adds a list":               {args: patch("json", `[{"op": "add", "path": "/spec/dataFrom", "value": ["prod/db"]}]`), says: `"prod/db" is not permitted`},
		"a JSON patch that replaces a key":            {args: patch("json", `[{"op": "replace", "path": "/spec/data/0/key", "value": "prod/db"}]`), says: `"prod/db" is not permitted`},
		"a JSON patch that adds an item":              {args: patch("json", `[{"op": "add", "path": "/spec/data/-", "value": {"key": "prod/db", "name": "x"}}]`), says: `"prod/db" is not permitted`},
		"a merge patch that adds options":             {args: patch("merge", `{"spec": {"dataFromWithOptions": [{"key": "prod/db"}]}}`), says: `"prod/db" is not permitted`},
		"a merge patch that changes the region":       {args: patch("merge", `{"spec": {"region": "us-east-1"}}`), says: `"us-east-1" is not permitted`},
		"a merge patch that leaves the default":       {args: patch("merge", `{"spec": {"region": null}}`), says: `"us-west-2" is not permitted`},
		"a merge patch with a deprecated field":       {args: patch("merge", `{"spec": {"properties": [{"key": "prod/db", "name": "x"}]}}`), says: `"prod/db" is not permitted`},
		"a merge patch that adds a descriptor":        {args: patch("merge", `{"secretDescriptor": {"backendType": "secretsManager", "region": "eu-west-1", "dataFrom": ["prod/db"]}}`), says: `"prod/db" is not permitted`},
		"a merge patch to another backend":            {args: patch("merge", `{"spec": {"backendType": "systemManager", "data": [{"path": "/", "recursive": true}]}}`), says: `"/" is not permitted`},
		"a merge patch for another syncer":            {args: patch("merge", `{"spec": {"controllerId": "another", "dataFrom": ["prod/db"]}}`), says: `"prod/db" is not permitted`},
		"a label and a key at once":                   {args: patch("merge", `{"metadata": {"labels": {"a": "b"}}, "spec": {"dataFrom": ["prod/db"]}}`), says: `"prod/db" is not permitted`},
		"a subset by another applier":                 {stdin: object("db", "{backendType: secretsManager, dataFrom: [prod/db]}"), args: apply("another"), says: `"prod/db" is not permitted`},
		"a subset of a deprecated field":              {stdin: object("db", "{backendType: secretsManager, properties: [{key: prod/db, name: x}]}"), args: apply("other"), says: `"prod/db" is not permitted`},
		"an object of a made-up name":                 {stdin: strings.Replace(object("db", "{backendType: secretsManager, region: eu-west-1, dataFrom: [prod/db]}"), "name: db", "generateName: db-", 1), args: []string{"create", "-n", namespace, "-f", "-"}, says: `"prod/db" is not permitted`},
		"the same without being stored, as a dry run": {stdin: object("dry", "{backendType: secretsManager, region: eu-west-1, dataFrom: [prod/db]}"), args: []string{"create", "--dry-run=server", "-n", namespace, "-f", "-"}, says: `"prod/db" is not permitted`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := kubectl.Stdin(c.stdin).Run(t.Context(), c.args...)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("it was not denied by %q: %v", c.says, err)
			}
		})
	}
	// The status is written by itself: a spec that comes with it is ignored by the API server.
	kubectl.Must(t, "patch", "externalsecret", "-n", namespace, "db", "--subresource=status", "--type=merge", "-p",
		`{"spec": {"suspend": false, "dataFrom": ["prod/db"]}, "status": {"status": "SUCCESS"}}`)
	if diff := cmp.Diff(before.Spec, getObject(t, namespace, "db").Spec); diff != "" {
		t.Errorf("the spec was changed (-before +after):\n%s", diff)
	}
}

// TestAttacksBetweenAdmissionAndSync: what admission let pass is judged by the annotations of the moment in which it is read, and
// writes that admission need not see change nothing about that.
func TestAttacksBetweenAdmissionAndSync(t *testing.T) {
	t.Parallel()
	namespace := guarded(t)
	putAWS(t, namespace+"/db", secretValue())
	kubectl.MustApply(t, namespace, object("db", in(namespace, "{controllerId: another, "+permitted+"}")))
	kubectl.MustApply(t, namespace, object("late", in(namespace, "{suspend: true, "+permitted+"}")))
	annotate(t, namespace, names.AnnotationPermittedKeyName+"=nothing")

	// Neither becomes readable, and the webhook says so at once.
	for name, patch := range map[string]string{"db": `{"spec": {"controllerId": null}}`, "late": `{"spec": {"suspend": false}}`} {
		_, err := kubectl.Run(t.Context(), "patch", "externalsecret", "-n", namespace, name, "--type=merge", "-p", patch)
		if err == nil || !strings.Contains(err.Error(), "is not permitted in namespace") {
			t.Errorf("%s was not denied: %v", name, err)
		}
	}
	annotate(t, namespace, names.AnnotationPermittedKeyName+"="+namespace+"/.*")
	change(t, "externalsecret", namespace, "late", `{"spec": {"suspend": false}}`)
	awaitReason(t, namespace, "late", plan.ReasonSynced)
	secret := getSecret(t, namespace, "late")
	annotate(t, namespace, names.AnnotationPermittedKeyName+"=nothing")
	awaitReason(t, namespace, "late", plan.ReasonPolicyDenied)
	putAWS(t, namespace+"/db", secretValue())

	// Metadata and status are written without the webhook being asked.
	change(t, "externalsecret", namespace, "late", `{"metadata": {"labels": {"a": "b"}, "annotations": {"`+names.AnnotationForceSync+`": "now"}}}`)
	kubectl.Must(t, "patch", "externalsecret", "-n", namespace, "late", "--subresource=status", "--type=merge", "-p", fmt.Sprintf(
		`{"status": {"status": "SUCCESS", "secretResourceVersion": %q, "lastSuccess": "2099-01-01T00:00:00Z", "conditions": [`+
			`{"type": "Ready", "status": "True", "reason": "Synced", "message": "", "observedGeneration": 9, "lastTransitionTime": "2099-01-01T00:00:00Z"}]}}`, secret.ResourceVersion))
	annotate(t, namespace, names.AnnotationPermittedKeyName+"=nothing-else") // judged again, so that there is something to wait for
	harness.Eventually(t, func() error {
		if es := getObject(t, namespace, "late"); !strings.Contains(es.Status.Status, "nothing-else") {
			return fmt.Errorf("the status is %q", es.Status.Status)
		}
		return nil
	})
	untouched(t, secret)
	if metrics := harness.MustScrape(t, theLab.Syncer.MetricsAddress); strings.Contains(string(metrics), `name="db",namespace="`+namespace+`"`) {
		t.Error("the syncer looked at an object of another one")
	}
}
