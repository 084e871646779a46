package e2e

import (
	"testing"
	"time"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
)

// An outage of Vault concerns every test: this one runs while no other does.
func TestVaultOutageChangesNothing(t *testing.T) {
	namespace, value := newNamespace(t, nil), secretValue()
	putVault(t, namespace, map[string]any{"password": value})
	spec := vaultSpec + ", dataFrom: [secret/data/" + namespace + "]"
	kubectl.MustApply(t, namespace, object("db", "{"+spec+"}"))
	before := awaitData(t, namespace, "db", map[string]string{"password": value})
	awaitReason(t, namespace, "db", plan.ReasonSynced)

	theLab.VaultOutage(true)
	defer theLab.VaultOutage(false)
	says(t, awaitReason(t, namespace, "db", plan.ReasonUnavailable), "ERROR, spec.dataFrom[0]: cannot read key")
	kubectl.MustApply(t, namespace, object("new", "{"+spec+"}"))
	awaitReason(t, namespace, "new", plan.ReasonUnavailable)
	awaitAttempts(t, theLab.Syncer.MetricsAddress, namespace, "db", "error", 2)
	untouched(t, before)

	value = secretValue()
	putVault(t, namespace, map[string]any{"password": value}) // the test's own client is not cut off
	theLab.VaultOutage(false)
	for _, name := range []string{"db", "new"} {
		awaitData(t, namespace, name, map[string]string{"password": value})
		awaitReason(t, namespace, name, plan.ReasonSynced)
	}
}

// Each failure has a region of its own: one that is down or throttles is left alone, no matter which object met it first.
func TestFailuresOfAWSChangeNothing(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		region string
		fault  fault.Fault
		reason plan.Reason
		says   string
	}{
		"an outage":            {"eu-west-1", fault.Fault{Kind: fault.Outage}, plan.ReasonUnavailable, "unavailable"},
		"a connection cut off": {"eu-west-2", fault.Fault{Kind: fault.Cut}, plan.ReasonUnavailable, "unavailable"},
		"throttling": {"eu-west-3", fault.Fault{Kind: fault.Throttle, RetryAfter: fault.Duration(2 * time.Second)},
			plan.ReasonThrottled, "asked too often"},
		"garbage": {"eu-north-1", fault.Fault{Kind: fault.Garbage}, plan.ReasonUnavailable, "the answer is not one of AWS's"},
		"a key that cannot be used": {"eu-south-1", fault.Fault{Kind: fault.Error, Code: "DecryptionFailure", Message: "no key"},
			plan.ReasonAccessDenied, "DecryptionFailure: no key"},
		"a request that is refused": {"eu-south-2", fault.Fault{Kind: fault.Error, Code: "InvalidParameterException", Message: "no such thing"},
			plan.ReasonInvalidRequest, "InvalidParameterException"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace, value := newNamespace(t, nil), secretValue()
			key := namespace + "/db"
			putAWSIn(t, tc.region, key, value)
			kubectl.MustApply(t, namespace, object("db", "{backendType: secretsManager, region: "+tc.region+", data: [{key: "+key+", name: password}]}"))
			before := awaitData(t, namespace, "db", map[string]string{"password": value})
			awaitReason(t, namespace, "db", plan.ReasonSynced)

			tc.fault.Key = key
			id, err := theLab.Clouds.Faults().Add(tc.fault)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = theLab.Clouds.Faults().Remove(id) }()
			es := awaitSays(t, namespace, "db", tc.reason, tc.says)
			if got := es.Status.Entries[0].Error; got != string(tc.reason) {
				t.Errorf("status.entries tells %q", got)
			}
			if es.Status.SecretResourceVersion != before.ResourceVersion || es.Status.LastSuccess == nil {
				t.Error("the status forgot the Secret")
			}
			awaitAttempts(t, theLab.Syncer.MetricsAddress, namespace, "db", "error", 2)
			untouched(t, before)

			value = secretValue()
			putAWSIn(t, tc.region, key, value)
			if err := theLab.Clouds.Faults().Remove(id); err != nil {
				t.Fatal(err)
			}
			awaitData(t, namespace, "db", map[string]string{"password": value})
			awaitReason(t, namespace, "db", plan.ReasonSynced)
		})
	}
}

// A secret that is deleted in AWS or Vault leaves its Kubernetes Secret alone, as the documents promise.
func TestDeletionInTheBackendChangesNothing(t *testing.T) {
	t.Parallel()
	namespace, value := newNamespace(t, nil), secretValue()
	putAWS(t, namespace+"/db", value)
	putVault(t, namespace, map[string]any{"password": value})
	kubectl.MustApply(t, namespace, object("aws", "{backendType: secretsManager, data: [{key: "+namespace+"/db, name: password}]}"))
	kubectl.MustApply(t, namespace, object("vault", "{"+vaultSpec+", dataFrom: [secret/data/"+namespace+"]}"))
	aws := awaitData(t, namespace, "aws", map[string]string{"password": value})
	vault := awaitData(t, namespace, "vault", map[string]string{"password": value})
	theLab.Clouds.AWS().DeleteSecrets(theLab.AWSRegion, namespace+"/db")
	if err := theLab.Vault().KVv2("secret").Delete(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"aws", "vault"} {
		awaitReason(t, namespace, name, plan.ReasonSecretNotFound)
		awaitAttempts(t, theLab.Syncer.MetricsAddress, namespace, name, "error", 2)
	}
	untouched(t, aws)
	untouched(t, vault)
}
