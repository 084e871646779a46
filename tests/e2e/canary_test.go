package e2e

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab/clouds"
	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud"
	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/kms"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/ssm"
	"github.com/secretgate/secretgate/tests/lab/clouds/azure/keyvault"
	"github.com/secretgate/secretgate/tests/lab/clouds/google"
	"github.com/secretgate/secretgate/tests/lab/clouds/google/secretmanager"
)

// sixBackends stores a value in each, as a JSON object, and returns the specs that read it as entry password, by backend.
func sixBackends(t *testing.T, namespace string) (specs, values map[string]string) {
	t.Helper()
	values = map[string]string{}
	text := func(backend string) string {
		values[backend] = secretValue()
		return fmt.Sprintf(`{"password":%q}`, values[backend])
	}
	putAWS(t, namespace, text("secretsmanager"))
	putParameters(t, ssm.Parameter{Name: "/" + namespace + "/json", Value: text("systemmanager")})
	text("vault")
	putVault(t, namespace, map[string]any{"password": values["vault"]})
	putAzure(t, namespace, keyvault.Secret{Name: "json", Value: text("azure")})
	putGoogle(t, secretmanager.Secret{Name: namespace, String: text("google")})
	putAlicloud(t, kms.Secret{Name: namespace, Text: text("alicloud")})
	return map[string]string{
		"secretsmanager": in(namespace, "{backendType: secretsManager, roleArn: '"+aws.TestRoleARN+"', dataFrom: [NS]}"),
		"systemmanager":  in(namespace, "{backendType: systemManager, roleArn: '"+aws.TestRoleARN+"', dataFrom: [/NS/json]}"),
		"vault":          in(namespace, "{"+vaultSpec+", dataFrom: [secret/data/NS]}"),
		"azure":          in(namespace, "{backendType: azureKeyVault, keyVaultName: NS, dataFrom: [json]}"),
		"google":         in(namespace, "{backendType: gcpSecretsManager, dataFrom: [NS]}"),
		"alicloud":       in(namespace, "{backendType: alicloudSecretsManager, roleArn: '"+alicloud.DemoRoleARN+"', dataFrom: [NS]}"),
	}, values
}

// allCredentials are those that a sync of all six backends needs: without one of them, this canary would not notice it.
const allCredentials = "AWS's signature, AccessKeySecret, Azure's Bearer, Google's Bearer, SecretAccessKey, SecurityToken, SessionToken, " +
	"Signature, X-Amz-Security-Token, X-Vault-Token, access_token, client_secret, client_token, jwt"

// silent fails if anything that was planted can be read where operators and users look.
func silent(t *testing.T, namespace, when string, metrics ...string) {
	t.Helper()
	tellsNothing(t, namespace)
	if found := leaks(metrics...); len(found) > 0 {
		t.Errorf("%s, a planted value is in %s", when, strings.Join(found, ", "))
	}
}

// Answers are damaged and still hold what they held: those to logins first, and later those to reads.
func TestCanaryInDamagedAnswers(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]damage{
		"the end is missing":     func(status int, body []byte) (int, []byte) { return status, body[:max(0, len(body)-2)] },
		"a page stands before":   func(status int, body []byte) (int, []byte) { return status, append([]byte("<html>"), body...) },
		"it is called a failure": func(_ int, body []byte) (int, []byte) { return http.StatusInternalServerError, body },
		"it is called a refusal": func(_ int, body []byte) (int, []byte) { return http.StatusForbidden, body },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace, w := newNamespace(t, nil), newWiretap(t)
			specs, values := sixBackends(t, namespace)
			w.damage.Store(&spoil)
			s := w.start(t, namespace)
			for backend, spec := range specs {
				kubectl.MustApply(t, namespace, s.object(backend, spec))
			}
			fails := func(when string) {
				t.Helper()
				for backend := range specs {
					if backend == "google" && strings.Contains(name, "called") {
						continue // the answer itself is whole: gRPC says in another place how a call ended
					}
					awaitFailure(t, namespace, backend)
				}
				silent(t, namespace, when, s.metrics)
			}
			fails("when logins are answered so")
			w.damage.Store(nil)
			for backend := range specs {
				awaitData(t, namespace, backend, map[string]string{"password": values[backend]})
				awaitReason(t, namespace, backend, plan.ReasonSynced)
			}
			if diff := cmp.Diff(allCredentials, strings.Join(w.kinds(), ", ")); diff != "" {
				t.Errorf("credentials that passed (-want +got):\n%s", diff)
			}
			silent(t, namespace, "when all is well", s.metrics)
			w.damage.Store(&spoil)
			fails("when reads are answered so")
			s.stopsCleanly(t)
			silent(t, namespace, "afterwards")
		})
	}
}

// awaitFailure waits until an object is not ready for any reason of its backend's.
func awaitFailure(t *testing.T, namespace, name string) {
	t.Helper()
	harness.Eventually(t, func() error {
		es := getObject(t, namespace, name)
		if len(es.Status.Conditions) == 0 || es.Status.Conditions[0].Status != "False" {
			return fmt.Errorf("%s does not fail: %q", name, es.Status.Status)
		}
		return nil
	})
}

func TestCanaryWithWrongCredentials(t *testing.T) {
	t.Parallel()
	namespace, w := newNamespace(t, nil), newWiretap(t)
	specs, _ := sixBackends(t, namespace)
	key, err := clouds.New(clouds.Options{}).Google().IAM().NewKey(google.LabAccount, w.clouds.URL+google.TokenPath) // another Google's
	if err != nil {
		t.Fatal(err)
	}
	plantPEM(key)
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	jwt := part(`{"alg":"RS256","typ":"JWT"}`) + "." + part(`{"sub":"system:serviceaccount:secretgate:syncer"}`) + "." + part(secretValue())
	plantJWT(jwt)
	s := w.start(t, namespace, "AWS_SECRET_ACCESS_KEY="+secretValue(), "AZURE_CLIENT_SECRET="+secretValue(), "ALICLOUD_ACCESS_KEY_SECRET="+secretValue(),
		"GOOGLE_APPLICATION_CREDENTIALS="+writeFile(t, key), "VAULT_JWT_PATH="+writeFile(t, []byte(jwt)))
	for backend, spec := range specs {
		kubectl.MustApply(t, namespace, s.object(backend, spec))
	}
	for backend := range specs {
		awaitFailure(t, namespace, backend)
		reason := getObject(t, namespace, backend).Status.Conditions[0].Reason
		if reason != string(plan.ReasonUnauthenticated) && reason != string(plan.ReasonAccessDenied) {
			t.Errorf("%s: %s: %s", backend, reason, getObject(t, namespace, backend).Status.Status)
		}
	}
	silent(t, namespace, "with wrong credentials", s.metrics)
	s.stopsCleanly(t)
}

// The lab's own syncer and webhook: while all is well, for keys that are not there, and where policy denies.
func TestCanaryInDenial(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t, nil)
	specs, values := sixBackends(t, namespace)
	for backend, spec := range specs {
		kubectl.MustApply(t, namespace, object(backend, spec))
		kubectl.MustApply(t, namespace, object(backend+"-none", strings.Replace(spec, "]}", "-none]}", 1)))
	}
	for backend := range specs {
		awaitData(t, namespace, backend, map[string]string{"password": values[backend]})
		awaitReason(t, namespace, backend, plan.ReasonSynced)
		awaitFailure(t, namespace, backend+"-none")
	}
	silent(t, namespace, "when all is well")
	annotate(t, namespace, names.AnnotationPermittedKeyName+"=nothing")
	for backend, spec := range specs {
		awaitReason(t, namespace, backend, plan.ReasonPolicyDenied)
		said, err := kubectl.Apply(t.Context(), namespace, object("another-"+backend, spec))
		if err == nil {
			t.Errorf("%s was accepted", backend)
		} else if holdsPlanted([]byte(said + err.Error())) {
			t.Errorf("the refusal of %s holds a planted value", backend)
		}
	}
	// A value written into a manifest that is refused is not told, either.
	said, err := kubectl.Apply(t.Context(), namespace, object("written", in(namespace, "{backendType: secretsManager, dataFrom: [NS], template: {stringData: {password: '"+secretValue()+"'}}}")))
	if err == nil || holdsPlanted([]byte(said+err.Error())) {
		t.Errorf("it was accepted, or its refusal holds the value: %t", err != nil)
	}
	silent(t, namespace, "when policy denies")
}
