package admit

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheAuditLogGetsVerdictsAndFieldsButNoValues(t *testing.T) {
	validator := &Validator{Kinds: externalSecrets, Namespaces: Namespaces{Cached: permitting("a"), Live: permitting("a")}}
	for name, c := range map[string]struct {
		object           string
		mutated, verdict map[string]string
	}{
		"what is allowed": {
			object:  es(`{"backendType": "vault", "data": [{"key": "a", "name": "n"}]}`),
			verdict: map[string]string{"verdict": "allowed"},
		},
		"what is converted": {
			object:  es(`{"backendType": "secretManager", "properties": [{"key": "a", "name": "n"}]}`),
			mutated: map[string]string{"converted": "spec.properties, spec.backendType"},
			verdict: map[string]string{"verdict": "allowed"},
		},
		"what is in conflict": {
			object:  es(`{"backendType": "vault", "properties": [{"key": "planted", "name": "n"}], "data": [{"key": "a", "name": "n"}]}`),
			mutated: map[string]string{"verdict": "denied", "reason": "conflict", "fields": "spec.properties"},
		},
		"what is forbidden": {
			object:  es(`{"backendType": "vault", "data": [{"key": "planted", "name": "n"}], "dataFrom": ["planted"], "template": {"stringData": {"p": "planted"}}}`),
			verdict: map[string]string{"verdict": "denied", "reason": "policy", "fields": "spec.dataFrom[0], spec.data[0].key"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			answer := review(t, &Mutator{Kinds: externalSecrets}, c.object)
			if diff := cmp.Diff(c.mutated, answer.AuditAnnotations); diff != "" {
				t.Errorf("mutating (-want +got):\n%s", diff)
			}
			if !answer.Allowed {
				return
			}
			if diff := cmp.Diff(c.verdict, review(t, validator, c.object).AuditAnnotations); diff != "" {
				t.Errorf("validating (-want +got):\n%s", diff)
			}
		})
	}
}
