package render

import (
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/secretgate/secretgate/shared/plan"
)

// lacking says what the API server would miss in a Secret of the plan's type. Its own answer may quote values, and so is not
// passed on. Where the Secret is shared, another client may make what is missing.
func lacking(p *plan.Plan, data map[string][]byte) []*Error {
	var errs []*Error
	fail := func(format string, args ...any) {
		errs = append(errs, &Error{Field: p.Words.Type, Problem: fmt.Sprintf(format, args...)})
	}
	shared := p.Target.Sharing != plan.Exclusive
	missing := func(name string) bool { _, there := data[name]; return !there && !shared }
	switch kind := corev1.SecretType(p.Template.Type); kind {
	case corev1.SecretTypeDockercfg, corev1.SecretTypeDockerConfigJson:
		name := map[corev1.SecretType]string{
			corev1.SecretTypeDockercfg: corev1.DockerConfigKey, corev1.SecretTypeDockerConfigJson: corev1.DockerConfigJsonKey,
		}[kind]
		var object map[string]json.RawMessage
		if missing(name) {
			fail("a Secret of type %s needs the entry %s, which no entry makes: add it, or change the type", kind, name)
		} else if value, there := data[name]; there && json.Unmarshal(value, &object) != nil {
			fail("a Secret of type %s needs a JSON object in the entry %s, which its value is not: check what is read, or change the type",
				kind, name)
		}
	case corev1.SecretTypeTLS:
		for _, name := range []string{corev1.TLSCertKey, corev1.TLSPrivateKeyKey} {
			if missing(name) {
				fail("a Secret of type %s needs the entry %s, which no entry makes: add it, or change the type", kind, name)
			}
		}
	case corev1.SecretTypeBasicAuth:
		if missing(corev1.BasicAuthUsernameKey) && missing(corev1.BasicAuthPasswordKey) {
			fail("a Secret of type %s needs the entry %s or %s, which no entry makes: add one, or change the type",
				kind, corev1.BasicAuthUsernameKey, corev1.BasicAuthPasswordKey)
		}
	case corev1.SecretTypeSSHAuth:
		if value, there := data[corev1.SSHAuthPrivateKey]; len(value) == 0 && (there || !shared) {
			fail("a Secret of type %s needs the entry %s, which is missing or empty: add it, or change the type", kind, corev1.SSHAuthPrivateKey)
		}
	}
	return errs
}
