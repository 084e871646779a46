package apply

import (
	"strings"
	"testing"

	"github.com/secretgate/secretgate/shared/plan"
)

// What is immutable stays as it is where its object does not have it made anew, but for labels, which may change.
func TestAnImmutableSecretIsNotMadeAnew(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Request)
		want   map[string]string // labels after it; nil: an error
	}{
		"nothing changes":           {func(*Request) {}, map[string]string{"team": "a"}},
		"a label changes":           {func(r *Request) { r.Content.Labels = map[string]string{"team": "b"} }, map[string]string{"team": "b"}},
		"it need not be so anymore": {func(r *Request) { r.Content.Immutable = nil }, map[string]string{"team": "a"}},
		"data changes":              {func(r *Request) { r.Content.Data["user"] = []byte("b") }, nil},
		"data changes, and it need not be immutable": {func(r *Request) {
			r.Content.Data["user"], r.Content.Immutable = []byte("b"), nil
		}, nil},
		"the type changes": {func(r *Request) { r.Content.Type = "example.com/other" }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSharing(t)
			request := func() Request {
				r := by("a", plan.Exclusive, map[string]string{"user": "a"})
				r.Fixed, r.Content.Immutable = true, yes()
				return r
			}
			s.write(t, request())
			before := s.secret(t)
			changed := request()
			test.change(&changed)
			_, err := s.w.Write(t.Context(), changed)
			if (err != nil) != (test.want == nil) || err != nil && !strings.Contains(err.Error(), "the target Secret is immutable") {
				t.Fatalf("got %v, want an error: %t", err, test.want == nil)
			}
			after := s.secret(t)
			if after.UID != before.UID || !isTrue(after.Immutable) || string(after.Data["user"]) != "a" || after.Type != "Opaque" {
				t.Errorf("got uid %s, immutable %v, user %s and type %s, want the Secret as it was", after.UID, after.Immutable, after.Data["user"], after.Type)
			}
			if test.want != nil && after.Labels["team"] != test.want["team"] {
				t.Errorf("got labels %v, want %v", after.Labels, test.want)
			}
		})
	}
}
