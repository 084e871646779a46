package dialect_test

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/dialect"
)

func TestAReferenceIsToTheObjectsOwnNamespace(t *testing.T) {
	kind := schema.GroupKind{Group: "example.com", Kind: "Store"}
	for name, test := range map[string]struct {
		namespace, name string
		want            dialect.Reference
		err             string
	}{
		"by name alone":         {"", "vault", dialect.Reference{Kind: kind, Namespace: "core", Name: "vault"}, ""},
		"with the namespace":    {"core", "vault", dialect.Reference{Kind: kind, Namespace: "core", Name: "vault"}, ""},
		"to another namespace":  {"prod", "vault", dialect.Reference{}, "spec.storeRef.namespace: Forbidden: must be core, the object's own namespace, or absent"},
		"to nothing":            {"", "", dialect.Reference{}, "spec.storeRef.name: Required value: the name of the Store"},
		"to nothing, elsewhere": {"prod", "", dialect.Reference{}, "spec.storeRef.name: Required value: the name of the Store"},
	} {
		got, err := dialect.Local(field.NewPath("spec", "storeRef"), kind, "core", test.namespace, test.name)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if got != test.want || text != test.err {
			t.Errorf("%s: got %+v and %q, want %+v and %q", name, got, text, test.want, test.err)
		}
	}
}

func TestWhatIsFoundIsOfTheTypeThatIsWanted(t *testing.T) {
	kind := schema.GroupKind{Group: "example.com", Kind: "Store"}
	present, absent := dialect.Reference{Kind: kind, Namespace: "core", Name: "vault"}, dialect.Reference{Kind: kind, Name: "vault"}
	object := &metav1.PartialObjectMetadata{}
	resolved := dialect.Resolved{present: object}
	at := field.NewPath("spec", "storeRef")
	if got, err := dialect.Find[*metav1.PartialObjectMetadata](resolved, at, present); got != object || err != nil {
		t.Errorf("got %v and %v, want the object", got, err)
	}
	const want = `spec.storeRef: Not found: "vault": there is no Store vault yet`
	if got, err := dialect.Find[*metav1.PartialObjectMetadata](resolved, at, absent); got != nil || err == nil || err.Error() != want || !dialect.IsMissing(err) {
		t.Errorf("got %v and %v, want %s", got, err, want)
	}
	if got, err := dialect.Find[*other](resolved, at, present); got != nil || err == nil || !dialect.IsMissing(err) {
		t.Errorf("of another type: got %v and %v, want that it is missing", got, err)
	}
	err := dialect.Missing(at, absent)
	if got, ok := dialect.MissingOf(err, []dialect.Reference{present, absent}); !ok || got != absent {
		t.Errorf("got that %v is about %v, want %v", err, got, absent)
	}
	if got, ok := dialect.MissingOf(err, []dialect.Reference{present}); ok {
		t.Errorf("got that %v is about %v, want nothing", err, got)
	}
	if got := present.Path().Child("spec", "server").String(); got != "Store[vault].spec.server" {
		t.Errorf("got %s, want Store[vault].spec.server", got)
	}
}

// other is an object of another type.
type other struct{ metav1.PartialObjectMetadata }
