package render

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/plan"
)

// opener opens what it has the value of.
type opener struct {
	values map[string]string // by ciphertext
	calls  []string          // namespace and ciphertext of each
	cancel func()            // at the first call
}

func (o *opener) Open(ctx context.Context, namespace string, sealed plan.Sealed) ([]byte, error) {
	o.calls = append(o.calls, namespace+" "+sealed.Ciphertext+" "+sealed.Label)
	if o.cancel != nil {
		o.cancel()
		return nil, ctx.Err()
	}
	value, known := o.values[sealed.Ciphertext]
	if !known {
		return nil, errors.New("no key opens it")
	}
	return []byte(value), nil
}

func sealedEntry(name, ciphertext string) plan.Entry {
	return plan.Entry{Field: "spec.encryptedData[" + name + "]", Name: name, Sealed: plan.Sealed{Ciphertext: ciphertext, Label: "core/db"}}
}

func sealedPlan(all ...plan.Entry) *plan.Plan {
	p := entries(all...)
	p.Object.Namespace = "core"
	return p
}

func TestWhatIsSealedIsOpenedOnce(t *testing.T) {
	o := &opener{values: map[string]string{"A": "a", "B": ""}}
	p := sealedPlan(sealedEntry("a", "A"), sealedEntry("b", "B"), sealedEntry("c", "A"), dataEntry("k"))
	opened, errs := Open(t.Context(), p, o)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if diff := cmp.Diff([]string{"core A core/db", "core B core/db"}, o.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if opened.Bytes() != 1 {
		t.Errorf("got %d bytes, want 1", opened.Bytes())
	}
	secret, errs := Render(t.Context(), p, read(map[string]string{"k": "v"}), opened, nil)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	want := map[string][]byte{"a": []byte("a"), "b": {}, "c": []byte("a"), p.Entries[3].Name: []byte("v")}
	if diff := cmp.Diff(want, secret.Data); diff != "" {
		t.Errorf("data (-want +got):\n%s", diff)
	}
}

func TestASealedSecretMakesItsMembers(t *testing.T) {
	first, second := sealedEntry("", "A"), sealedEntry("", "B")
	for _, e := range []*plan.Entry{&first, &second} {
		e.Field, e.Kind, e.Property, e.Decoding = "spec.data", plan.Members, "data", plan.Base64
	}
	opened := Opened{first.Sealed: []byte(`{"kind":"Secret","data":{"a":"AP8=","b":""}}`), second.Sealed: []byte(`{"data":{"c":"Yw=="}}`)}
	secret, errs := Render(t.Context(), sealedPlan(first, second), nil, opened, nil)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if diff := cmp.Diff(map[string][]byte{"a": {0, 255}, "b": {}, "c": []byte("c")}, secret.Data); diff != "" {
		t.Errorf("data (-want +got):\n%s", diff)
	}
	for name, value := range map[string]string{
		"no JSON": "planted!", "no data": `{"kind":"planted!"}`, "no object": `{"data":"planted!"}`, "no base64": `{"data":{"a":"planted!"}}`,
	} {
		secret, errs := Render(t.Context(), sealedPlan(first), nil, Opened{first.Sealed: []byte(value)}, nil)
		if secret != nil || len(errs) != 1 || strings.Contains(fmt.Sprint(errs), "planted!") || !strings.Contains(errs[0].Problem, "spec.data") {
			t.Errorf("%s: got %v and errors %v, want one that names what is sealed, without a value", name, secret, errs)
		}
	}
}

func TestWhatCannotBeOpenedMakesNoSecret(t *testing.T) {
	many := make([]plan.Entry, 0, 30)
	for i := range 30 {
		many = append(many, sealedEntry(fmt.Sprintf("n%d", i), fmt.Sprintf("N%d", i)))
	}
	ended, end := context.WithCancel(t.Context())
	end()
	ending, cancel := context.WithCancel(t.Context())
	for name, test := range map[string]struct {
		ctx    func() context.Context
		plan   *plan.Plan
		opener Opener
		want   []string
		late   bool
		count  int
	}{
		"each entry that fails is named": {
			ctx: t.Context, plan: sealedPlan(sealedEntry("a", "A"), sealedEntry("b", "B"), sealedEntry("c", "C")), count: 2,
			opener: &opener{values: map[string]string{"B": "b"}},
			want:   []string{"spec.encryptedData[a]: no key opens it", "spec.encryptedData[c]: no key opens it"},
		},
		"no more is tried once many failed": {
			ctx: t.Context, plan: sealedPlan(many...), opener: &opener{}, count: maxProblems + 1,
			want: []string{"spec.encryptedData[n0]: no key opens it", "spec: the entries after these were not tried"},
		},
		"there are no keys at all": {
			ctx: t.Context, plan: sealedPlan(sealedEntry("a", "A")), count: 1,
			want: []string{"spec.encryptedData[a]: this syncer has no keys"},
		},
		"there is no time": {
			ctx: func() context.Context { return ended }, plan: sealedPlan(sealedEntry("a", "A")), opener: &opener{}, late: true, count: 1,
			want: []string{"spec.encryptedData[a]: there was no time to open it"},
		},
		"the time ends": {
			ctx: func() context.Context { return ending }, plan: sealedPlan(sealedEntry("a", "A")), opener: &opener{cancel: cancel}, late: true, count: 1,
			want: []string{"spec.encryptedData[a]: there was no time to open it"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			opened, errs := Open(test.ctx(), test.plan, test.opener)
			text := fmt.Sprint(errs)
			if opened != nil || len(errs) != test.count || errs[len(errs)-1].Late != test.late {
				t.Errorf("got %d opened and errors %s, want none and %d errors, late: %t", len(opened), text, test.count, test.late)
			}
			for _, want := range test.want {
				if !strings.Contains(text, want) {
					t.Errorf("got %s, want %q", text, want)
				}
			}
		})
	}
	secret, errs := Render(t.Context(), sealedPlan(sealedEntry("a", "A")), nil, nil, nil)
	if secret != nil || len(errs) != 1 {
		t.Errorf("got %v and errors %v of what was not opened, want one error", secret, errs)
	}
}
