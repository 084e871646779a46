package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
)

// What a namespace's annotations permit is judged anew when they change: a forbidden object is not refreshed any more, and
// its Secret stays.
func TestPolicyIsJudgedAgain(t *testing.T) {
	t.Parallel()
	const role = "arn:aws:iam::123456789012:role/test-role"
	for name, tc := range map[string]struct {
		spec           string // NS is the namespace
		annotation     string
		forbid, permit string
		says           string // after the object's name
	}{
		"the names of keys": {"{backendType: secretsManager, data: [{key: NS/db, name: password}]}", names.AnnotationPermittedKeyName, "other/.*", "e2e-.*/db",
			": key name NS/db does not match naming convention other/.*"},
		"roles of AWS": {"{backendType: secretsManager, roleArn: '" + role + "', data: [{key: NS/db, name: password}]}", names.AnnotationPermittedRole,
			"arn:aws:iam::123456789012:role/other", "arn:aws:iam::123456789012:role/.*", ": namespace does not allow to assume role " + role},
		"roles of Vault": {"{" + vaultSpec + ", dataFrom: [secret/data/NS]}", names.AnnotationPermittedRole, "other-role", "my-.*",
			": namespace does not allow to assume role my-vault-role"},
		"mounts of Vault": {"{" + vaultSpec + ", dataFrom: [secret/data/NS]}", names.AnnotationPermittedVaultMount, "other", "kubernetes",
			`: spec.vaultMountPoint: Forbidden: "kubernetes" is not permitted in namespace "NS"`},
		"regions that the object does not name": {"{backendType: secretsManager, data: [{key: NS/db, name: password}]}", names.AnnotationPermittedRegion, "eu-.*", "us-west-2",
			`: spec.region: Forbidden: "us-west-2" is not permitted in namespace "NS"`},
		"a pattern that does not compile": {"{backendType: secretsManager, data: [{key: NS/db, name: password}]}", names.AnnotationPermittedKeyName, "(?!x).*", ".*/db",
			": key name NS/db does not match naming convention (?!x).*"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace, value := olderNamespace(t, nil), secretValue()
			putAWS(t, namespace+"/db", value)
			putVault(t, namespace, map[string]any{"password": value})
			kubectl.MustApply(t, namespace, object("db", in(namespace, tc.spec)))
			before := awaitData(t, namespace, "db", map[string]string{"password": value})
			awaitReason(t, namespace, "db", plan.ReasonSynced)
			metrics := theLab.Syncer.MetricsAddress

			annotate(t, namespace, tc.annotation+"="+tc.forbid)
			es := awaitReason(t, namespace, "db", plan.ReasonPolicyDenied)
			says(t, es, "ERROR, not allowed to fetch secret: "+namespace+"/db"+in(namespace, tc.says))
			value = secretValue()
			putAWS(t, namespace+"/db", value)
			putVault(t, namespace, map[string]any{"password": value})
			elsewhere := newNamespace(t, nil)
			kubectl.MustApply(t, elsewhere, object("db", in(namespace, tc.spec)))
			awaitData(t, elsewhere, "db", map[string]string{"password": value})
			// The refresh that was due when the object was denied comes within one interval, and is the last.
			awaitAttempts(t, metrics, elsewhere, "db", "success", 2)
			made := attempts(t, metrics, namespace, "db", "error")
			awaitAttempts(t, metrics, elsewhere, "db", "success", 2)
			untouched(t, before)
			if now := attempts(t, metrics, namespace, "db", "error"); now != made {
				t.Errorf("it was tried %d times more", now-made)
			}

			annotate(t, namespace, tc.annotation+"="+tc.permit)
			awaitData(t, namespace, "db", map[string]string{"password": value})
			awaitReason(t, namespace, "db", plan.ReasonSynced)
			annotate(t, namespace, tc.annotation+"=")
			awaitReason(t, namespace, "db", plan.ReasonPolicyDenied)
			annotate(t, namespace, tc.annotation+"-")
			awaitReason(t, namespace, "db", plan.ReasonSynced)
		})
	}
}

// The last word counts, however soon it follows the one before: nothing would try these objects again.
func TestPolicyThatChangesQuickly(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t, nil)
	putAWS(t, namespace+"/db", secretValue())
	const objects = 20
	var manifests []string
	for i := range objects {
		manifests = append(manifests, object(fmt.Sprint("db-", i), in(namespace, "{backendType: secretsManager, refreshInterval: '0', data: [{key: NS/db, name: password}]}")))
	}
	kubectl.MustApply(t, namespace, strings.Join(manifests, "---\n"))
	await := func(reason plan.Reason) {
		t.Helper()
		for i := range objects {
			awaitReason(t, namespace, fmt.Sprint("db-", i), reason)
		}
	}
	await(plan.ReasonSynced)
	for round := range 6 {
		annotations := []string{names.AnnotationPermittedKeyName + "=other", names.AnnotationPermittedKeyName + "=.*"}
		last := plan.ReasonSynced
		if round%2 == 0 {
			annotations = append(annotations, annotations[0])
			last = plan.ReasonPolicyDenied
		}
		for _, annotation := range annotations {
			annotate(t, namespace, annotation)
		}
		await(last)
	}
}
