// Package attack is one list of ExternalSecrets whose authors ask for more than their namespace permits. It is run through what
// both services call (this package's test), through the webhook of a real API server, and through the syncer with each object
// stored past the webhook (tests/e2e). None of them may make or change a Secret, or cause a call to a backend.
package attack

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/kes"
	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
)

// Attack is an object, the namespace that it would be in, and why it gets nothing.
type Attack struct {
	Name  string // a sentence
	Guard Guard  // of its namespace
	// Object is the manifest without apiVersion, kind and name, as YAML on one line.
	Object string
	// Denied is part of what plan or policy says, whatever the field is called after conversion.
	Denied string
	// Schema is part of what the API server says where it refuses to store the object, with or without a webhook.
	Schema string
	// Unserved says that the object is another syncer's: the webhook denies it, and ours does not look at it.
	Unserved bool
}

// Guard is what limits a namespace: its annotations.
type Guard map[string]string

// All lists every attack.
func All() []Attack {
	return slices.Concat(
		spellings(), fields(), deprecated(), aws(), parameters(), vault(), azure(), google(), alicloud(), templates(), patterns(),
	)
}

// Manifest is the object, called name. Its namespace is where it is sent to.
func (a Attack) Manifest(name string) (map[string]any, error) {
	object := map[string]any{}
	if err := yaml.UnmarshalStrict([]byte(a.Object), &object); err != nil {
		return nil, fmt.Errorf("%s: %w", a.Name, err)
	}
	metadata, _ := object["metadata"].(map[string]any)
	if metadata == nil {
		metadata = map[string]any{}
	}
	metadata["name"] = name
	object["apiVersion"], object["kind"], object["metadata"] = apiv1.GroupVersion.String(), apiv1.Kind, metadata
	return object, nil
}

// Judge does what both services do with an object of this namespace: it lists what is wrong, and how the syncer calls that.
func Judge(es *apiv1.ExternalSecret, namespace string, guard Guard, defaults backend.Defaults) (field.ErrorList, plan.Reason) {
	es.Namespace = namespace
	p, errs := dialect.ValidPlan(&kes.Installation{Defaults: defaults}, es, nil)
	if len(errs) > 0 {
		return errs, plan.ReasonInvalidSpec
	}
	violations := policy.Check(p, policy.Namespace{Name: namespace, Annotations: guard}, policy.Settings{})
	if len(violations) > 0 {
		return violations.Errors(), plan.ReasonPolicyDenied
	}
	return nil, ""
}

// notPermitted is the beginning of policy's answer.
func notPermitted(value string) string { return fmt.Sprintf("%q is not permitted in namespace", value) }

// Core permits the resources of one team, in every backend. What the attacks want instead exists, and is readable.
func Core() Guard {
	return Guard{
		names.AnnotationPermittedKeyName: strings.Join([]string{
			`dev/core/[^/]+`, `/dev/core/.*`, `secret/data/dev/core/.*`, `dev-core-[^/]*`,
		}, "\n"),
		names.AnnotationPermittedRole: strings.Join([]string{
			`arn:aws:iam::123456789012:role/core-.*`, `acs:ram::1234567890123456:role/core-.*`, `core-.*`,
		}, "\n"),
		names.AnnotationPermittedRegion:     `us-west-2`,
		names.AnnotationPermittedVaultMount: `kubernetes`,
		names.AnnotationPermittedKeyVault:   `core-vault`,
		names.AnnotationPermittedProject:    `core-project`,
	}
}

// with is Core with other annotations.
func with(annotations Guard) Guard {
	guard := Core()
	maps.Copy(guard, annotations)
	return guard
}

// keyed is Core with other patterns for keys.
func keyed(patterns string) Guard { return with(Guard{names.AnnotationPermittedKeyName: patterns}) }
