package admit

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/plan"
)

// TestTemplates: an object with templates is not stored unless they were compiled, and policy is judged beside.
func TestTemplates(t *testing.T) {
	malformed := field.ErrorList{field.Invalid(field.NewPath("spec", "template"), field.OmitValueType{}, "no code")}
	for name, c := range map[string]struct {
		permitted string // keys; the object reads x
		wrong     field.ErrorList
		warnings  []string
		err       error
		reason    metav1.StatusReason // empty: it is allowed
		says      []string
	}{
		"templates that compile, with doubts": {permitted: "x", warnings: []string{"spec.template: doubtful"}},
		"templates that do not compile":       {permitted: "x", wrong: malformed, reason: metav1.StatusReasonInvalid, says: []string{"no code"}},
		"neither code nor permitted": {
			permitted: "z", wrong: malformed, reason: metav1.StatusReasonInvalid, says: []string{"no code", `"x" is not permitted`},
		},
		"templates of which nothing is known": {
			permitted: "x", err: errors.New("no worker"), reason: metav1.StatusReasonServiceUnavailable,
			says: []string{"its templates cannot be compiled now: no worker: try again"},
		},
		"what is not permitted, whatever its templates are": {
			permitted: "z", err: errors.New("no worker"), reason: metav1.StatusReasonForbidden, says: []string{`"x" is not permitted`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := &Validator{
				Kinds: externalSecrets, Namespaces: Namespaces{Cached: permitting(c.permitted), Live: permitting(c.permitted)},
				Templates: func(context.Context, *plan.Plan) (field.ErrorList, []string, error) {
					return c.wrong, c.warnings, c.err
				},
			}
			got := review(t, v, es(`{"backendType": "secretsManager", "region": "eu-west-1", "dataFrom": ["x"], "template": {"stringData": {"a": "${1}"}}}`))
			if got.Allowed != (c.reason == "") || !got.Allowed && got.Result.Reason != c.reason {
				t.Fatalf("got %+v, want the reason %q", got.Result, c.reason)
			}
			for _, text := range c.says {
				if !strings.Contains(got.Result.Message, text) {
					t.Errorf("got the message %q, want %q in it", got.Result.Message, text)
				}
			}
			if diff := cmp.Diff(c.warnings, got.Warnings); diff != "" {
				t.Errorf("warnings: -want +got:\n%s", diff)
			}
		})
	}
}
