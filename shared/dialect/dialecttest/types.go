package dialecttest

import (
	"reflect"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/shared/dialect"
)

// types proves that schema, scheme and Go types of each kind belong together, and that copies are copies.
func (r *runner) types(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := r.Dialect.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	for _, kind := range r.kinds {
		if crd := definition(kind.Type()); len(crd.subresources) == 0 || kind.Type().ClusterWide {
			t.Errorf("%s: want a subresource for the status, and objects of namespaces", kind.Type().Kind)
		}
	}
	for _, kind := range r.typed() {
		if kind.Type().CRD == nil {
			continue // Kubernetes' own
		}
		r.schema(t, kind.Type())
		inScheme(t, scheme, kind)
		for _, object := range []runtime.Object{kind.New(), kind.NewList()} {
			fill(reflect.ValueOf(object).Elem(), 0)
			same := object.DeepCopyObject()
			if !reflect.DeepEqual(object, same) {
				t.Errorf("%T: a deep copy differs", object)
			}
			for _, at := range shared(reflect.ValueOf(object), reflect.ValueOf(same), reflect.TypeOf(object).String()) {
				t.Errorf("a deep copy shares %s", at)
			}
		}
		r.covered(t, kind)
	}
}

// typed lists all kinds.
func (r *runner) typed() (all []typed) {
	for _, kind := range r.kinds {
		all = append(all, kind)
	}
	for _, kind := range r.stores {
		all = append(all, kind)
	}
	return all
}

func (r *runner) schema(t *testing.T, of dialect.Type) {
	t.Helper()
	crd := definition(of)
	scope := "Namespaced"
	if of.ClusterWide {
		scope = "Cluster"
	}
	want := []string{"CustomResourceDefinition", of.Group, of.Kind, of.Kind + "List", of.Resource, scope, r.Dialect.Name}
	got := []string{crd.kind, crd.group, crd.names.Kind, crd.names.ListKind, crd.names.Plural, crd.scope, of.Dialect}
	if !slices.Equal(want, got) {
		t.Errorf("the CRD says %q, want %q", got, want)
	}
	for _, older := range of.Versions {
		before := of
		before.Version = older
		for _, at := range fields(schemaOf(before), nil) {
			if !slices.Contains(fields(schemaOf(of), nil), at) {
				t.Errorf("%s: version %s has %s, and %s does not: objects are converted by their version alone", of.Kind, older, at, of.Version)
			}
		}
		if older == of.Version {
			t.Errorf("%s: version %s is older than itself", of.Kind, older)
		}
	}
	if fields, _ := schemaOf(of)["properties"].(document); !crd.served || len(fields) == 0 {
		t.Errorf("%s: the CRD does not serve version %s, or has no schema", of.Kind, of.Version)
	}
}

// crd is what counts of a CustomResourceDefinition.
type crd struct {
	kind, group, scope string
	names              struct{ Kind, ListKind, Plural string }
	served             bool
	schema             document
	subresources       document
}

// definition reads the manifest of a kind; of one that is none, all is empty.
func definition(of dialect.Type) (found crd) {
	var manifest struct {
		Kind string
		Spec struct {
			Group, Scope string
			Names        struct{ Kind, ListKind, Plural string }
			Versions     []struct {
				Name         string
				Served       bool
				Subresources document
				Schema       struct {
					OpenAPIV3Schema document `json:"openAPIV3Schema"`
				}
			}
		}
	}
	if yaml.Unmarshal(of.CRD, &manifest) != nil {
		return found
	}
	found.kind, found.group, found.scope, found.names = manifest.Kind, manifest.Spec.Group, manifest.Spec.Scope, manifest.Spec.Names
	for _, version := range manifest.Spec.Versions {
		if version.Name == of.Version {
			found.served, found.schema, found.subresources = version.Served, version.Schema.OpenAPIV3Schema, version.Subresources
		}
	}
	return found
}

func schemaOf(of dialect.Type) document { return definition(of).schema }

// pruned lists what the API server would take out of a value of JSON, as its schema does not know it.
func pruned(schema document, value any, at []any) (unknown []string) {
	if schema["x-kubernetes-preserve-unknown-fields"] == true {
		return nil
	}
	switch value := value.(type) {
	case []any:
		items, _ := schema["items"].(document)
		for i, element := range value {
			unknown = append(unknown, pruned(items, element, append(slices.Clone(at), i))...)
		}
	case document:
		fields, _ := schema["properties"].(document)
		others, _ := schema["additionalProperties"].(document)
		for _, name := range sortedKeys(value) {
			next := append(slices.Clone(at), name)
			member, known := fields[name].(document)
			switch {
			case len(at) == 0 && name == "metadata":
			case known:
				unknown = append(unknown, pruned(member, value[name], next)...)
			case others != nil:
				unknown = append(unknown, pruned(others, value[name], next)...)
			default:
				unknown = append(unknown, pathOf(next))
			}
		}
	}
	return unknown
}

func inScheme(t *testing.T, scheme *runtime.Scheme, kind typed) {
	t.Helper()
	is := kind.Type().GroupVersionKind
	list := is.GroupVersion().WithKind(is.Kind + "List")
	for gvk, object := range map[string]runtime.Object{is.String(): kind.New(), list.String(): kind.NewList()} {
		kinds, _, err := scheme.ObjectKinds(object)
		if err != nil || len(kinds) != 1 || kinds[0].String() != gvk {
			t.Errorf("the scheme has %T as %v (%v), want %s", object, kinds, err, gvk)
		}
	}
	if kind.New() == kind.New() || kind.NewList() == kind.NewList() {
		t.Errorf("%s: two new objects are one", is.Kind)
	}
	objects := kind.NewList()
	if err := meta.SetList(objects, []runtime.Object{kind.New()}); err != nil || meta.LenList(objects) != 1 {
		t.Errorf("%T does not list %T: %v", objects, kind.New(), err)
	}
}

// fill sets all that can be set, so that a copy has something to miss.
func fill(v reflect.Value, depth int) {
	if !v.CanSet() || depth > 12 || v.Type() == reflect.TypeFor[metav1.Time]() {
		return
	}
	switch v.Kind() { //nolint:exhaustive // the kinds that API types have
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint8:
		v.SetUint(1)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth+1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), depth+1)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, depth+1)
		fill(value, depth+1)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for _, member := range v.Fields() {
			fill(member, depth+1)
		}
	}
}

// shared lists where two equal values point at the same memory.
func shared(a, b reflect.Value, at string) (places []string) {
	switch a.Kind() { //nolint:exhaustive // the kinds that API types have
	case reflect.Pointer, reflect.Map, reflect.Slice:
		if a.IsNil() || b.IsNil() || a.Kind() == reflect.Pointer && a.Type().Elem().Size() == 0 || a.Type() == reflect.TypeFor[*metav1.Time]() {
			return nil
		}
		if a.Pointer() == b.Pointer() {
			return []string{at}
		}
	}
	switch a.Kind() { //nolint:exhaustive // as above
	case reflect.Pointer:
		return shared(a.Elem(), b.Elem(), at)
	case reflect.Slice:
		for i := range min(a.Len(), b.Len()) {
			places = append(places, shared(a.Index(i), b.Index(i), at+"[]")...)
		}
	case reflect.Map:
		for _, key := range a.MapKeys() {
			if other := b.MapIndex(key); other.IsValid() {
				places = append(places, shared(a.MapIndex(key), other, at+"[]")...)
			}
		}
	case reflect.Struct:
		if a.Type() == reflect.TypeFor[metav1.Time]() {
			return nil
		}
		for i := range a.NumField() {
			places = append(places, shared(a.Field(i), b.Field(i), at+"."+a.Type().Field(i).Name)...)
		}
	}
	return places
}
