package dialecttest

import (
	"strings"
	"testing"

	"github.com/secretgate/secretgate/shared/dialect"
)

// expectation is the annotation of a denied object with what its errors say. The object is planned without it.
const expectation = "expect"

// denied is an object that is refused.
type denied struct {
	example
	expect []string
}

// loadDenied reads the objects that are refused.
func (r *runner) loadDenied(t *testing.T) {
	t.Helper()
	if r.Denied == "" {
		return
	}
	for _, doc := range documentsIn(t, r.Denied) {
		name, namespace := named(t, r.Denied, doc)
		annotations, _ := get(doc, dialect.Path{"metadata", "annotations"})
		texts, _ := annotations.(document)
		text, _ := texts[expectation].(string)
		delete(texts, expectation)
		one := denied{example: example{name: name, doc: doc}, expect: strings.Split(strings.TrimSpace(text), "\n")}
		if text == "" {
			t.Fatalf("%s: %s has no annotation %s with a text of its errors", r.Denied, name, expectation)
		}
		if kind, is := kindOf(r.kinds, doc); is {
			one.planner, one.kind = kind, kind
		} else if kind, is := kindOf(r.stores, doc); is {
			judged, ok := kind.(dialect.Judged)
			if !ok {
				t.Fatalf("%s: %s is of kind %s, which is not judged itself", r.Denied, name, kind.Type().Kind)
			}
			one.planner = judgedKind{kind, judged}
		} else {
			t.Fatalf("%s: %s is of no kind of the dialect: %v", r.Denied, name, doc["kind"])
		}
		if !one.Type().ClusterWide {
			one.doc = inNamespace(doc, namespace)
		}
		r.denied = append(r.denied, one)
	}
}

// denials proves that what is declared only to be refused is refused, with a sentence.
func (r *runner) denials(t *testing.T) {
	for _, d := range r.denied {
		_, errs := d.Plan(mustDecode(t, d.doc, d.New()), r.known)
		if len(errs) == 0 {
			t.Errorf("%s: is not denied", d.name)
		}
		all := texts(errs)
		for _, want := range d.expect {
			if !strings.Contains(strings.Join(all, "\n"), want) {
				t.Errorf("%s: the errors are %q, want %q among them", d.name, all, want)
			}
		}
		for _, err := range errs {
			if !r.rooted(err.Field) || err.ErrorBody() == "" {
				t.Errorf("%s: the error %q has no path", d.name, err)
			}
		}
	}
}
