package sealed_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/dialect/sealed"
	"github.com/secretgate/secretgate/shared/dialect/sealed/v1alpha1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
)

// FuzzPlan holds for whatever was stored: it can be read and written without a loss, the object stays as it is, the same object gives the
// same plan, each value is opened under the label of the one scope that policy judges, and a namespace that permits no scope permits no plan.
func FuzzPlan(f *testing.F) {
	sealedValue := ciphertext(2048, 16)
	for _, seed := range []string{
		`{"metadata":{"name":"db","namespace":"core"},"spec":{"encryptedData":{"a":"` + sealedValue + `","b":7,"c":null,"d":[{}]}}}`,
		`{"metadata":{"annotations":{"sealedsecrets.bitnami.com/cluster-wide":"true"}},"spec":{"encryptedData":{"a":"` + sealedValue + `"}}}`,
		`{"metadata":{"namespace":"core","annotations":{"sealedsecrets.bitnami.com/namespace-wide":"true"}},"spec":{"data":"` + sealedValue + `"}}`,
		`{"spec":{"encryptedData":{"a":"` + sealedValue + `"},"template":{"data":{"a":null,"b":"{{ .a }}","c":7},"immutable":true,"type":"x"}}}`,
		`{"spec":{"encryptedData":{"a":"AgA="},"template":{"metadata":{"labels":[1],"annotations":{"a":1},"finalizers":["x"],"name":"y"}}}}`,
		`{"spec":{"encryptedData":null,"data":null,"template":{"metadata":null,"data":null}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		object := &v1alpha1.SealedSecret{}
		if json.Unmarshal(raw, object) != nil {
			return
		}
		installation := &sealed.Installation{Serve: true, AcceptV1: true}
		before := object.DeepCopy()
		p, errs := installation.Plan(object, nil)
		again, errsAgain := installation.Plan(object, nil)
		if !reflect.DeepEqual(p, again) || !reflect.DeepEqual(errs, errsAgain) || !reflect.DeepEqual(before, object) {
			t.Fatalf("planned twice:\n%s", cmp.Diff(p, again))
		}
		if text, err := json.Marshal(object); err != nil {
			t.Fatalf("cannot be written: %v", err)
		} else if same := (&v1alpha1.SealedSecret{}); json.Unmarshal(text, same) != nil {
			t.Fatalf("cannot be read again: %s", text)
		} else if p2, errs2 := installation.Plan(same, nil); !reflect.DeepEqual(p, p2) || !reflect.DeepEqual(errs, errs2) {
			t.Fatalf("means something else once it was written:\n%s", cmp.Diff(p, p2))
		}
		if len(errs) == 0 {
			checkSealed(t, object, p)
		}
	})
}

func checkSealed(t *testing.T, object *v1alpha1.SealedSecret, p *plan.Plan) {
	t.Helper()
	if len(p.Choices) != 1 {
		t.Fatalf("got choices %v, want one scope", p.Choices)
	}
	want := map[string]string{
		"strict": object.Namespace + "/" + object.Name, "namespace-wide": object.Namespace, "cluster-wide": "",
	}[p.Choices[0].Value]
	if slices.ContainsFunc(p.Entries, func(e plan.Entry) bool { return e.Sealed.Label != want || !e.IsSealed() }) {
		t.Fatalf("scope %s: got entries %v, want the label %q", p.Choices[0].Value, p.Entries, want)
	}
	none := policy.Namespace{Name: "core", Annotations: map[string]string{names.AnnotationPermittedSealingScope: ""}}
	if len(policy.Check(p, none, policy.Settings{})) == 0 {
		t.Fatal("is permitted where no scope is")
	}
}
