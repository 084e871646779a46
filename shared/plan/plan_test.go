package plan_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/plan"
)

// store is one of several that differ.
func store(address string) plan.Store { return plan.Store{Backend: "vault", Address: address} }

func read(s plan.Store, key string) plan.Entry {
	return plan.Entry{Source: plan.Source{Store: s, Read: plan.Read{Key: key}}}
}

func TestStoresAndSourcesAreDistinctAndInOrder(t *testing.T) {
	a, b, c, d := store("a"), store("b"), store("c"), store("d")
	p := &plan.Plan{
		Entries: []plan.Entry{read(b, "x"), read(b, "y"), read(a, "x"), read(b, "x")},
		Places:  map[plan.Store]plan.Places{d: nil, a: nil, c: nil, b: nil},
	}
	if diff := cmp.Diff([]plan.Store{b, a, c, d}, p.Stores()); diff != "" {
		t.Errorf("stores: -want +got:\n%s", diff)
	}
	want := []plan.Source{p.Entries[0].Source, p.Entries[1].Source, p.Entries[2].Source}
	if diff := cmp.Diff(want, p.Sources()); diff != "" {
		t.Errorf("sources: -want +got:\n%s", diff)
	}
	if nothing := (&plan.Plan{}); len(nothing.Stores())+len(nothing.Sources()) > 0 {
		t.Errorf("a plan that reads nothing has stores %v and sources %v, want none", nothing.Stores(), nothing.Sources())
	}
}

func TestWhatIsSealedIsReadFromNowhere(t *testing.T) {
	sealed := plan.Entry{Field: "spec.encryptedData[a]", Name: "a", Sealed: plan.Sealed{Ciphertext: "\x02\x00", Label: "core/db"}}
	for name, test := range map[string]struct {
		entries []plan.Entry
		sources []plan.Source
		stores  []plan.Store
		sealed  bool
	}{
		"an object of sealed values alone":  {[]plan.Entry{sealed}, []plan.Source{}, []plan.Store{}, true},
		"an object of both":                 {[]plan.Entry{sealed, read(store("a"), "x")}, []plan.Source{read(store("a"), "x").Source}, []plan.Store{store("a")}, true},
		"an object of what is read":         {[]plan.Entry{read(store("a"), "x")}, []plan.Source{read(store("a"), "x").Source}, []plan.Store{store("a")}, false},
		"a cluster-wide value has no label": {[]plan.Entry{{Sealed: plan.Sealed{Ciphertext: "c"}}}, []plan.Source{}, []plan.Store{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := &plan.Plan{Entries: test.entries}
			if diff := cmp.Diff(test.sources, p.Sources()); diff != "" {
				t.Errorf("sources: -want +got:\n%s", diff)
			}
			if diff := cmp.Diff(test.stores, p.Stores()); diff != "" {
				t.Errorf("stores: -want +got:\n%s", diff)
			}
			p.Attribute(map[plan.Backend]plan.Tenancy{"": plan.ObjectTenancy})
			if got := p.HasSealed(); got != test.sealed {
				t.Errorf("got %t for whether it has sealed values, want %t", got, test.sealed)
			}
			if test.sealed && p.Entries[0].Source != (plan.Source{}) {
				t.Errorf("got source %+v of a sealed value, want none", p.Entries[0].Source)
			}
		})
	}
}

func TestASealedValueIsPrintedAsBase64(t *testing.T) {
	got, err := json.Marshal(plan.Sealed{Ciphertext: "\x02\x00\xff", Label: "core/db"})
	if want := `{"Ciphertext":"AgD/","Label":"core/db"}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

func TestABackendLearnsOnWhoseBehalfItIsRead(t *testing.T) {
	vault, aws := store("a"), plan.Store{Backend: "aws", Role: "r"}
	for name, test := range map[string]struct {
		tenancies map[plan.Backend]plan.Tenancy
		want      plan.Tenant // of the Store of aws
	}{
		"no tenancies leave all Stores shared":    {nil, plan.Tenant{}},
		"a backend that is to learn nothing":      {map[plan.Backend]plan.Tenancy{"aws": plan.NoTenancy}, plan.Tenant{}},
		"a backend that is to learn of namespace": {map[plan.Backend]plan.Tenancy{"aws": plan.NamespaceTenancy}, plan.Tenant{Namespace: "core"}},
		"a backend that is to learn of objects":   {map[plan.Backend]plan.Tenancy{"aws": plan.ObjectTenancy}, plan.Tenant{Namespace: "core", Name: "db"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := &plan.Plan{
				Entries: []plan.Entry{read(aws, "x"), read(vault, "x")},
				Places:  map[plan.Store]plan.Places{aws: {plan.Role: {Field: "spec.roleArn"}}, vault: nil},
			}
			p.Object.Namespace, p.Object.Name = "core", "db"
			p.Attribute(test.tenancies)
			tagged := aws
			tagged.Tenant = test.want
			want := &plan.Plan{
				Object:  p.Object,
				Entries: []plan.Entry{read(tagged, "x"), read(vault, "x")},
				Places:  map[plan.Store]plan.Places{tagged: {plan.Role: {Field: "spec.roleArn"}}, vault: nil},
			}
			if diff := cmp.Diff(want, p); diff != "" {
				t.Errorf("the plan (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnAspectThatIsSetCanBeGot(t *testing.T) {
	var s plan.Store
	for i, aspect := range plan.Aspects() {
		before := s
		if got := s.Get(aspect); got != "" {
			t.Errorf("aspect %d is %q before it is set", aspect, got)
		}
		s.Set(aspect, string(rune('a'+i)))
		if got := s.Get(aspect); got != string(rune('a'+i)) || s == before {
			t.Errorf("aspect %d is %q after it was set to %q", aspect, got, string(rune('a'+i)))
		}
	}
}

func TestSayPutsInTheWordsOfTheObjectAndThePlacesOfTheStore(t *testing.T) {
	p := &plan.Plan{
		Places: map[plan.Store]plan.Places{store("a"): {plan.Role: {Field: "spec.role"}}, store("b"): {plan.Mount: {Field: "spec.mount"}}},
		Words:  &plan.Words{Terms: map[plan.Term]string{plan.TermEngine1: "kvVersion: 1"}},
	}
	const text = "set {role} or {mount} of {unknown}, or write {engine 1}"
	for address, want := range map[string]string{
		"a": "set spec.role or the syncer's settings of {unknown}, or write kvVersion: 1",
		"b": "set the syncer's settings or spec.mount of {unknown}, or write kvVersion: 1",
		"c": "set the syncer's settings or the syncer's settings of {unknown}, or write kvVersion: 1",
	} {
		if got := p.Say(store(address), text); got != want {
			t.Errorf("store %s: got %q, want %q", address, got, want)
		}
	}
}

func TestTheBuilderSpeaksOfTheObjectsKind(t *testing.T) {
	for kind, want := range map[string]string{"ExternalSecret": "an ExternalSecret", "SealedSecret": "a SealedSecret"} {
		b := plan.Build(&metav1.ObjectMeta{Name: "db"}, schema.GroupVersionKind{Kind: kind}, &plan.Words{Kind: kind})
		b.SecretType(field.NewPath("spec", "type"), "bootstrap.kubernetes.io/token")
		if _, errs := b.Done(); len(errs) != 1 || !strings.Contains(errs[0].Error(), "may not be made from "+want+":") {
			t.Errorf("got %v, want a sentence on %s", errs, want)
		}
	}
}

func TestTheNameOfASecretIsOne(t *testing.T) {
	at := field.NewPath("spec", "name")
	for name, want := range map[string]string{"db": "", "a.b-c": "", "": "Required value: the name of the Secret", "A": "Invalid value", "a/b": "Invalid value"} {
		b := plan.Build(&metav1.ObjectMeta{Name: "object"}, schema.GroupVersionKind{Kind: "Example"}, &plan.Words{})
		b.SecretName(at, name)
		p, errs := b.Done()
		if p.Target.Name != name || (len(errs) > 0) != (want != "") || len(errs) > 0 && !strings.HasPrefix(errs[0].Error(), "spec.name: "+want) {
			t.Errorf("%q: got target %q and errors %v, want %q", name, p.Target.Name, errs, want)
		}
	}
}
