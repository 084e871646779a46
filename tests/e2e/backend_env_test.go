package e2e

import (
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/iam"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

// AWS_INTERMEDIATE_ROLE_ARN is assumed first, and it alone may assume the object's role.
func TestIntermediateRole(t *testing.T) {
	t.Parallel()
	namespace, value := newNamespace(t, nil), secretValue()
	putAWS(t, namespace+"/db", value)
	role := func(name, trusted string, actions ...string) string {
		arn := "arn:aws:iam::" + aws.Account + ":role/" + namespace + "-" + name
		allowed := permission.Set{{Actions: actions, Resources: []string{"*"}}}
		if err := theLab.Clouds.AWS().IAM().PutRole(iam.Role{ARN: arn, Trust: []string{trusted}, Permissions: allowed}); err != nil {
			t.Fatal(err)
		}
		return arn
	}
	intermediate := role("intermediate", aws.LabUserARN, "sts:AssumeRole")
	target := role("target", intermediate, "secretsmanager:GetSecretValue")
	s := startSyncer(t, namespace, "AWS_SM_ENDPOINT="+theLab.AWSEndpoint, "AWS_STS_ENDPOINT="+theLab.AWSEndpoint, "AWS_INTERMEDIATE_ROLE_ARN="+intermediate)
	spec := "{backendType: secretsManager, data: [{key: " + namespace + "/db, name: password}], roleArn: '" + target + "'}"
	kubectl.MustApply(t, namespace, s.object("through", spec))
	kubectl.MustApply(t, namespace, object("direct", spec))
	kubectl.MustApply(t, namespace, s.object("without", "{backendType: secretsManager, data: [{key: "+namespace+"/db, name: password}]}"))
	awaitData(t, namespace, "through", map[string]string{"password": value})
	says(t, awaitReason(t, namespace, "direct", plan.ReasonAccessDenied), target)
	awaitReason(t, namespace, "without", plan.ReasonAccessDenied) // the intermediate role reads, and may not
	reader := "arn:aws:sts::" + aws.Account + ":assumed-role/" + namespace + "-target/k8s-external-secrets"
	if n := theLab.Clouds.Counters().Sum(counter.Key{Operation: "GetSecretValue", Identity: reader, Code: "OK"}); n == 0 {
		t.Errorf("nothing was read as %s", reader)
	}
	awaitAttempts(t, s.metrics, namespace, "through", "success", 2)
	assumed := "arn:aws:sts::" + aws.Account + ":assumed-role/" + namespace + "-intermediate/k8s-external-secrets"
	if n := theLab.Clouds.Counters().Sum(counter.Key{Operation: "AssumeRole", Identity: assumed, Code: "OK"}); n != 1 {
		t.Errorf("the role was assumed %d times; its session should be kept", n)
	}
	s.stopsCleanly(t)
}

// That an older LocalStack has no batches must not pass for an outage.
func TestLocalStack(t *testing.T) {
	t.Parallel()
	namespace, value, other := newNamespace(t, nil), secretValue(), secretValue()
	putAWS(t, namespace+"/db", value)
	putAWS(t, namespace+"/other", other)
	id, err := theLab.Clouds.Faults().Add(fault.Fault{
		Kind: fault.Error, Status: http.StatusNotImplemented, Code: "InternalFailure",
		Message: "The batch_get_secret_value action has not been implemented", Operation: "BatchGetSecretValue", Key: namespace + "/*",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = theLab.Clouds.Faults().Remove(id) })
	s := startSyncer(t, namespace, "LOCALSTACK=1", "LOCALSTACK_SM_URL="+theLab.AWSEndpoint, "LOCALSTACK_STS_URL="+theLab.AWSEndpoint,
		"AWS_REGION=", "AWS_DEFAULT_REGION="+theLab.AWSRegion)
	spec := "{backendType: secretsManager, roleArn: '" + aws.TestRoleARN + "', data: [{key: NS/db, name: password}, {key: NS/other, name: other}]}"
	kubectl.MustApply(t, namespace, s.object("db", in(namespace, spec)))
	awaitData(t, namespace, "db", map[string]string{"password": value, "other": other})
}

// KES README, Hashicorp Vault: a certificate by a CA of one's own; and the defaults for objects that name no mount and no role.
func TestVaultBehindAnOwnCAAndDefaults(t *testing.T) {
	t.Parallel()
	namespace, value := newNamespace(t, nil), secretValue()
	putVault(t, namespace, map[string]any{"password": value})
	vault, err := url.Parse(theLab.VaultAddr)
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewTLSServer(httputil.NewSingleHostReverseProxy(vault))
	t.Cleanup(front.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	defaults := []string{"VAULT_ADDR=" + front.URL, "DEFAULT_VAULT_MOUNT_POINT=my-kubernetes-vault-mount-point", "DEFAULT_VAULT_ROLE=my-vault-role"}
	trusting := startSyncer(t, namespace, append(defaults, "NODE_EXTRA_CA_CERTS="+ca)...)
	wary := startSyncer(t, namespace+"-wary", defaults...)
	spec := "{backendType: vault, dataFrom: [secret/data/" + namespace + "]}"
	kubectl.MustApply(t, namespace, trusting.object("trusting", spec))
	kubectl.MustApply(t, namespace, wary.object("wary", spec))
	awaitData(t, namespace, "trusting", map[string]string{"password": value})
	says(t, awaitReason(t, namespace, "wary", plan.ReasonUnavailable), "certificate")
}

// DISABLE_POLLING: only changes of the object sync it.
func TestPollingCanBeTurnedOff(t *testing.T) {
	t.Parallel()
	value := secretValue()
	p := newPair(t, value)
	s := startSyncer(t, p.namespace, "AWS_SM_ENDPOINT="+theLab.AWSEndpoint, "DISABLE_POLLING=false") // its value does not matter
	kubectl.MustApply(t, p.namespace, s.object("still", p.spec+"}"))
	still := awaitData(t, p.namespace, "still", map[string]string{"password": value})
	awaitReason(t, p.namespace, "still", plan.ReasonSynced)
	value = p.rotate(t, still)
	kubectl.Must(t, "annotate", "externalsecret", "-n", p.namespace, "still", names.AnnotationForceSync+"=now")
	awaitData(t, p.namespace, "still", map[string]string{"password": value})
}

func TestPolicyByEnvironment(t *testing.T) {
	t.Parallel()
	const role, naming = "example.com/roles", "example.com/keys"
	namespace, value := newNamespace(t, nil), secretValue()
	putAWS(t, namespace+"/db", value)
	s := startSyncer(t, namespace, "AWS_SM_ENDPOINT="+theLab.AWSEndpoint, "AWS_STS_ENDPOINT="+theLab.AWSEndpoint,
		"ROLE_PERMITTED_ANNOTATION="+role, "NAMING_PERMITTED_ANNOTATION="+naming, "ENFORCE_NAMESPACE_ANNOTATIONS=", "POLICY_MATCHING=legacy")
	kubectl.MustApply(t, namespace, s.object("db", "{backendType: secretsManager, roleArn: '"+aws.TestRoleARN+"', data: [{key: "+namespace+"/db, name: password}]}"))
	says(t, awaitReason(t, namespace, "db", plan.ReasonPolicyDenied), "Missing required annotation "+naming+" on namespace "+namespace)
	annotate(t, namespace, naming+"=")
	annotate(t, namespace, role+"=other")
	harness.Eventually(t, func() error {
		if es := getObject(t, namespace, "db"); es.Status.Conditions[0].Reason != string(plan.ReasonPolicyDenied) ||
			!strings.Contains(es.Status.Status, "namespace does not allow to assume role "+aws.TestRoleARN) {
			return errors.New(es.Status.Status)
		}
		return nil
	})
	annotate(t, namespace, role+"=test-ro") // legacy: anywhere in the value; and the empty one above permits every key
	awaitData(t, namespace, "db", map[string]string{"password": value})
}

func TestInstancesAndNamespacesDivideTheWork(t *testing.T) {
	t.Parallel()
	watched, other, value := newNamespace(t, nil), newNamespace(t, nil), secretValue()
	putAWS(t, watched+"/db", value)
	s := startSyncer(t, watched, "AWS_SM_ENDPOINT="+theLab.AWSEndpoint, "WATCHED_NAMESPACES="+watched+", "+lateNamespace)
	spec := "{backendType: secretsManager, data: [{key: " + watched + "/db, name: password}]}"
	kubectl.MustApply(t, other, s.object("ours", spec)) // in a namespace that is not watched
	kubectl.MustApply(t, watched, s.object("ours", spec))
	kubectl.MustApply(t, watched, object("labs", spec))
	awaitData(t, watched, "ours", map[string]string{"password": value})
	awaitData(t, watched, "labs", map[string]string{"password": value})
	awaitAttempts(t, s.metrics, watched, "ours", "success", 2)
	awaitAttempts(t, theLab.Syncer.MetricsAddress, watched, "labs", "success", 2)
	for _, tc := range []struct{ metrics, namespace, name string }{
		{s.metrics, watched, "labs"}, {s.metrics, other, "ours"},
		{theLab.Syncer.MetricsAddress, watched, "ours"}, {theLab.Syncer.MetricsAddress, other, "ours"},
	} {
		if n := attempts(t, tc.metrics, tc.namespace, tc.name, "success") + attempts(t, tc.metrics, tc.namespace, tc.name, "error"); n > 0 {
			t.Errorf("%s/%s was synced by the wrong syncer", tc.namespace, tc.name)
		}
	}
	if getSecret(t, other, "ours") != nil || getObject(t, other, "ours").Status.Status != "" {
		t.Error("an object outside the watched namespaces was served")
	}
	// Handed over to the lab's syncer, the object leaves no series behind.
	change(t, "externalsecret", watched, "ours", `{"spec":{"controllerId":""}}`)
	awaitAttempts(t, theLab.Syncer.MetricsAddress, watched, "ours", "success", 1)
	harness.Eventually(t, func() error {
		if n := attempts(t, s.metrics, watched, "ours", "success"); n > 0 {
			return fmt.Errorf("the metrics of the first syncer still count %d", n)
		}
		return nil
	})
}

// lateNamespace does not exist when the syncer starts that is told to watch it.
const lateNamespace = "e2e-not-there-yet"

func TestRestartWritesNothingAndCatchesUp(t *testing.T) {
	t.Parallel()
	namespace, value := newNamespace(t, nil), secretValue()
	putAWS(t, namespace+"/db", value)
	putAWS(t, namespace+"/rotated", secretValue())
	s := startSyncer(t, namespace, "AWS_SM_ENDPOINT="+theLab.AWSEndpoint)
	kubectl.MustApply(t, namespace, s.object("db", "{backendType: secretsManager, data: [{key: "+namespace+"/db, name: password}]}"))
	kubectl.MustApply(t, namespace, s.object("rotated", "{backendType: secretsManager, data: [{key: "+namespace+"/rotated, name: password}]}"))
	secret := awaitData(t, namespace, "db", map[string]string{"password": value})
	es := awaitReason(t, namespace, "db", plan.ReasonSynced)
	awaitReason(t, namespace, "rotated", plan.ReasonSynced)
	s.stopsCleanly(t)
	value = secretValue()
	putAWS(t, namespace+"/rotated", value)
	again := startSyncer(t, namespace, "AWS_SM_ENDPOINT="+theLab.AWSEndpoint)
	awaitAttempts(t, again.metrics, namespace, "db", "success", 2)
	untouched(t, secret)
	if now := getObject(t, namespace, "db"); now.ResourceVersion != es.ResourceVersion {
		t.Errorf("the object was written: %+v", now.Status)
	}
	awaitData(t, namespace, "rotated", map[string]string{"password": value})
	again.stopsCleanly(t)
}
