package e2e

import (
	"errors"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/kms"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/iam"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/ssm"
	"github.com/secretgate/secretgate/tests/lab/clouds/azure/keyvault"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
	"github.com/secretgate/secretgate/tests/lab/clouds/google/secretmanager"
	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

// troubles are the sections of the page of sync errors, by their headings. Each has keys of its own, and a region of its own where a
// backend fails as a whole: other objects that read there would fail, too.
func troubles() map[string]trouble {
	const (
		notFound, denied, unauthenticated = plan.ReasonSecretNotFound, plan.ReasonAccessDenied, plan.ReasonUnauthenticated
		deletion                          = "You can't perform this operation on the secret because it was marked for deletion."
		adopt                             = names.AnnotationPermitAdopt + "=true"
		mismatch                          = "You provided a VersionStage that is not associated to the provided VersionId."
		expired                           = "The security token included in the request is expired"
	)
	return map[string]trouble{
		"The key is not there":                 {notFound, none, put("dev/shop/missing", "x")},
		"The secret was deleted":               struck(notFound, "eu-central-1", "dev/shop/deleted", "InvalidRequestException", deletion),
		"The role cannot be assumed":           {denied, put("dev/shop/assumed", "x"), role("shop-assumed", "*")},
		"The role may not read the key":        {denied, role("shop-reader", "dev/shop/other"), role("shop-reader", "dev/shop/read")},
		"The credentials have expired":         struck(unauthenticated, "ap-south-1", "dev/shop/expired", "ExpiredTokenException", expired),
		"The backend throttles":                struck(plan.ReasonThrottled, "ap-south-2", "dev/shop/throttled", "", ""),
		"The backend is down":                  struck(plan.ReasonUnavailable, "ap-east-1", "dev/shop/down", "", ""),
		"The request is malformed":             struck(plan.ReasonInvalidRequest, "eu-central-2", "dev/shop/malformed", "InvalidRequestException", mismatch),
		"The property is not there":            {plan.ReasonInvalidValue, put("dev/shop/property", `{"user":"shop","password":"x"}`), none},
		"The value is not JSON":                {plan.ReasonInvalidValue, put("dev/shop/plain", "x"), none},
		"The value is empty":                   {plan.ReasonInvalidValue, put("dev/shop/empty", `{}`), put("dev/shop/empty", `{"password":"x"}`)},
		"The type needs other entries":         {plan.ReasonInvalidValue, put("dev/shop/tls", tlsPair), none},
		"The template fails":                   {plan.ReasonTemplateFailed, put("dev/shop/template", "shop"), none},
		"The Secret would be too large":        {plan.ReasonInvalidValue, put("dev/shop/large", strings.Repeat("x", 60<<10)), none},
		"The path lacks data":                  {denied, vaultRole("shop-data", "syncer"), none},
		"The engine is not there":              {denied, vaultRole("shop-engine", "syncer"), none},
		"The auth method is not there":         {unauthenticated, vaultRole("shop-mount", "syncer"), none},
		"The role is not there":                {denied, none, vaultRole("shop-role", "syncer")},
		"The role is of another account":       {denied, vaultRole("shop-bound", "other"), vaultRole("shop-bound", "syncer")},
		"The certificate is not trusted":       {plan.ReasonUnavailable, vaultOfOwnCA, none},
		"The parameter is not there":           {notFound, none, parameter("/dev/shop/password")},
		"A secret of Azure is disabled":        {denied, azureSecret(true), azureSecret(false)},
		"A secret of Google is missing":        {notFound, none, googleSecret},
		"A secret of Alibaba Cloud is missing": {notFound, none, alicloudSecret},
		"The policy has changed":               {plan.ReasonPolicyDenied, put("prod/shop/policy", "x"), put("dev/shop/policy", "x")},
		"The spec was never judged":            {plan.ReasonInvalidSpec, put("dev/shop/unjudged", "x"), none},
		"The name is taken":                    {plan.ReasonSecretNotOwned, foreignSecret, kubectlDoes("annotate", "namespace", "NS", adopt)},
		"The API server refuses the Secret":    {plan.ReasonSecretWriteFailed, quota, kubectlDoes("delete", "quota", "secrets", "--namespace=NS")},
		"The object is suspended":              {plan.ReasonSuspended, put("dev/shop/suspended", "x"), none},
		"The pod has an old value":             {plan.ReasonSynced, put("dev/shop/rotated", "x"), none},
		"No syncer serves the object":          {"", put("dev/shop/unserved", "x"), none},
	}
}

const tlsPair = `{"cert":"x","key":"y"}`

func none(*testing.T, string) *ownSyncer { return nil }

// put stores a value in AWS.
func put(key, value string) action {
	return func(t *testing.T, _ string) *ownSyncer {
		t.Helper()
		putAWS(t, key, value)
		return nil
	}
}

// struck is a backend whose answers fail until the cause is removed: with an error of AWS, or with none of its own, as when it is down.
func struck(reason plan.Reason, region, key, code, message string) trouble {
	var id string
	f := fault.Fault{Kind: fault.Error, Key: key, Code: code, Message: message}
	switch reason {
	case plan.ReasonThrottled:
		f = fault.Fault{Kind: fault.Throttle, Key: key, RetryAfter: fault.Duration(2 * time.Second)}
	case plan.ReasonUnavailable:
		f = fault.Fault{Kind: fault.Outage, Key: key}
	}
	return trouble{reason: reason, before: func(t *testing.T, _ string) *ownSyncer {
		t.Helper()
		putAWSIn(t, region, key, "x")
		var err error
		if id, err = theLab.Clouds.Faults().Add(f); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = theLab.Clouds.Faults().Remove(id) })
		return nil
	}, after: func(t *testing.T, _ string) *ownSyncer {
		t.Helper()
		if err := theLab.Clouds.Faults().Remove(id); err != nil {
			t.Fatal(err)
		}
		return nil
	}}
}

// role makes a role of AWS that the syncer may assume, and that may read keys.
func role(name, keys string) action {
	return func(t *testing.T, _ string) *ownSyncer {
		t.Helper()
		putAWS(t, "dev/shop/read", "x")
		allowed := permission.Set{
			{Actions: []string{"secretsmanager:GetSecretValue"}, Resources: []string{"arn:aws:secretsmanager:*:*:secret:" + keys + "*"}},
			{Actions: []string{"secretsmanager:BatchGetSecretValue"}, Resources: []string{"*"}},
		}
		arn := "arn:aws:iam::" + aws.Account + ":role/" + name
		if err := theLab.Clouds.AWS().IAM().PutRole(iam.Role{ARN: arn, Trust: []string{aws.LabUserARN}, Permissions: allowed}); err != nil {
			t.Fatal(err)
		}
		return nil
	}
}

func parameter(name string) action {
	return func(t *testing.T, _ string) *ownSyncer {
		t.Helper()
		putParameters(t, ssm.Parameter{Name: name, Value: "x"})
		return nil
	}
}

// vaultRole makes a role of Vault's Kubernetes auth for a service account of the syncer's namespace. It may read secret/data/shop/*.
func vaultRole(name, account string) action {
	return func(t *testing.T, _ string) *ownSyncer {
		t.Helper()
		putVault(t, "shop/db", map[string]any{"password": "x"})
		writeVaultRole(t, name, account, "secret/data/shop/*")
		return nil
	}
}

// writeVaultRole makes a role whose policy, of the same name, permits to read a path.
func writeVaultRole(t *testing.T, name, account, path string) {
	t.Helper()
	vault := theLab.Vault()
	if err := vault.Sys().PutPolicyWithContext(t.Context(), name, `path "`+path+`" { capabilities = ["read"] }`); err != nil {
		t.Fatal(err)
	}
	settings := map[string]any{"bound_service_account_names": account, "bound_service_account_namespaces": lab.Namespace, "token_policies": name}
	if _, err := vault.Logical().WriteWithContext(t.Context(), "auth/kubernetes/role/"+name, settings); err != nil {
		t.Fatal(err)
	}
}

// vaultOfOwnCA starts a syncer whose Vault has a certificate that no known CA signed.
func vaultOfOwnCA(t *testing.T, namespace string) *ownSyncer {
	t.Helper()
	vault, err := url.Parse(theLab.VaultAddr)
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewTLSServer(httputil.NewSingleHostReverseProxy(vault))
	t.Cleanup(front.Close)
	return startSyncer(t, namespace, "VAULT_ADDR="+front.URL)
}

func azureSecret(disabled bool) action {
	return func(t *testing.T, _ string) *ownSyncer {
		t.Helper()
		putAzure(t, "shop-disabled", keyvault.Secret{Name: "db-password", Value: "x", Disabled: disabled})
		return nil
	}
}

func googleSecret(t *testing.T, _ string) *ownSyncer {
	t.Helper()
	putGoogle(t, secretmanager.Secret{Name: "shop-db-password", String: "x"})
	return nil
}

func alicloudSecret(t *testing.T, _ string) *ownSyncer {
	t.Helper()
	putAlicloud(t, kms.Secret{Name: "shop-db-password", Text: "x"})
	return nil
}

func foreignSecret(t *testing.T, namespace string) *ownSyncer {
	t.Helper()
	putAWS(t, "dev/shop/owned", "x")
	kubectl.Must(t, "create", "secret", "generic", "db", "--namespace="+namespace, "--from-literal=password=y")
	return nil
}

// quota permits no Secret. The lab has no controller that would fill its status in.
func quota(t *testing.T, namespace string) *ownSyncer {
	t.Helper()
	putAWS(t, "dev/shop/quota", "x")
	kubectl.Must(t, "create", "quota", "secrets", "--hard=secrets=0", "--namespace="+namespace)
	kubectl.Must(t, "patch", "quota", "secrets", "--namespace="+namespace, "--subresource=status", "--type=merge",
		`--patch={"status": {"hard": {"secrets": "0"}, "used": {"secrets": "0"}}}`)
	harness.Eventually(t, func() error { // the API server learns of it with a delay
		_, err := kubectl.Run(t.Context(), "create", "secret", "generic", "probe", "--namespace="+namespace, "--dry-run=server")
		if err == nil {
			return errors.New("the quota is not enforced")
		}
		return nil
	})
	return nil
}

// kubectlDoes runs kubectl with the object's namespace for NS.
func kubectlDoes(args ...string) action {
	return func(t *testing.T, namespace string) *ownSyncer {
		t.Helper()
		var own []string
		for _, arg := range args {
			own = append(own, in(namespace, arg))
		}
		kubectl.Must(t, own...)
		return nil
	}
}
