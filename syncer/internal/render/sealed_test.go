package render_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/internal/render"
)

// A whole Secret that is sealed at once is JSON as the API server has it, and its data is base64.
func TestAWholeSecretThatIsSealedAtOnce(t *testing.T) {
	for name, test := range map[string]struct {
		opened string
		want   map[string][]byte
		says   string
	}{
		"its data is the Secret's": {
			opened: `{"kind":"Secret","apiVersion":"v1","metadata":{"name":"db","creationTimestamp":null},"data":{"a":"YQ==","b":""}}`,
			want:   map[string][]byte{"a": []byte("a"), "b": {}},
		},
		"a Secret without data":   {opened: `{"kind":"Secret"}`, says: "spec.data: "},
		"what is no Secret":       {opened: `s3cret`, says: "spec.data: "},
		"data that is not base64": {opened: `{"data":{"a":"s3cret!"}}`, says: "spec.data: the member a of spec.data cannot be decoded"},
	} {
		t.Run(name, func(t *testing.T) {
			value := plan.Sealed{Ciphertext: "c", Label: "core/db"}
			p := &plan.Plan{Words: &plan.Words{Spec: "spec"}, Entries: []plan.Entry{{
				Field: "spec.data", KeyField: "spec.data", Kind: plan.Members, Property: "data", Decoding: plan.Base64, Sealed: value,
			}}}
			secret, errs := render.Render(t.Context(), p, nil, render.Opened{value: []byte(test.opened)}, nil)
			if test.says == "" {
				if len(errs) > 0 {
					t.Fatal(errs[0])
				}
				if diff := cmp.Diff(test.want, secret.Data); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
				return
			}
			if len(errs) != 1 || !strings.HasPrefix(errs[0].Error(), test.says) {
				t.Fatalf("got %v, want %q", errs, test.says)
			}
			for _, err := range errs {
				if strings.Contains(err.Error(), "s3cret") {
					t.Errorf("the error shows the value: %v", err)
				}
				t.Log(err)
			}
		})
	}
}
