package admit

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/kes"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
)

// stores is a kind whose objects say in data.role as whom to read.
type stores struct{}

func (stores) Type() dialect.Type {
	return dialect.Type{Dialect: "fake", GroupVersionKind: schema.GroupVersionKind{Group: "fake.example", Version: "v1", Kind: "Store"}}
}
func (stores) New() dialect.Object   { return &corev1.ConfigMap{} }
func (stores) NewList() dialect.List { return &corev1.ConfigMapList{} }

// readers is a kind whose objects name a Store in data.store, and a key in data.key, and may say data.wrong. All else is an
// ExternalSecret's.
type readers struct{ kes.Installation }

func (*readers) Type() dialect.Type {
	return dialect.Type{Dialect: "fake", GroupVersionKind: schema.GroupVersionKind{Group: "fake.example", Version: "v1", Kind: "Reader"}}
}
func (*readers) New() dialect.Object   { return &corev1.ConfigMap{} }
func (*readers) NewList() dialect.List { return &corev1.ConfigMapList{} }
func (r *readers) Words() *plan.Words  { return &plan.Words{Kind: r.Type().Kind, Spec: "data"} }

func (*readers) References(object dialect.Object, _ dialect.Resolved) []dialect.Reference {
	reader, _ := object.(*corev1.ConfigMap)
	return []dialect.Reference{{Kind: stores{}.Type().GroupKind(), Namespace: object.GetNamespace(), Name: reader.Data["store"]}}
}

func (r *readers) Plan(object dialect.Object, resolved dialect.Resolved) (*plan.Plan, field.ErrorList) {
	reader, _ := object.(*corev1.ConfigMap)
	b := plan.Build(object, r.Type().GroupVersionKind, r.Words())
	if reader.Data["wrong"] != "" {
		b.Fail(field.Invalid(field.NewPath("data", "wrong"), reader.Data["wrong"], "is wrong"))
	}
	b.Plan.Choices = []plan.Choice{{At: "data.key", Value: reader.Data["key"], Annotation: names.AnnotationPermittedKeyName}}
	wanted := r.References(object, nil)[0]
	store, found := resolved[wanted].(*corev1.ConfigMap)
	if !found {
		b.Fail(dialect.Missing(field.NewPath("data", "store"), wanted))
		return b.Done()
	}
	vault, _ := backend.Of(backend.Vault)
	source := plan.Source{Store: plan.Store{Backend: vault.Name, Role: store.Data["role"]}, Read: vault.Read(plan.Read{Key: reader.Data["key"]})}
	vault.Add(b, plan.Entry{Field: "data", KeyField: "data.key", Name: "a", Source: source}, field.NewPath("data", "key"))
	return b.Done()
}

// oneStore answers with a store of a role, or with an error.
type oneStore struct {
	client.Reader
	role string // empty: there is none
	err  error
}

func (s oneStore) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	if s.err != nil {
		return s.err
	}
	store, ok := into.(*corev1.ConfigMap)
	if s.role == "" || !ok || key.Name != "vault" || key.Namespace != "core" {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "stores"}, key.Name)
	}
	store.Data = map[string]string{"role": s.role}
	return nil
}

func TestWhatAnObjectRefersToIsJudgedWithIt(t *testing.T) {
	const permitted, forbidden, noStore = "team", "admin", ""
	const wantWarning = "data.store: there is no Store core/vault yet: reads through it are judged once it exists"
	const wantDenial = `data: Forbidden: "admin" is not permitted in namespace "core": annotation iam.amazonaws.com/permitted allows "team"`
	const wantKey = `data.key: Forbidden: "prod" is not permitted in namespace "core": annotation externalsecrets.kubernetes-client.io/permitted-key-name allows "dev"`
	resource := schema.GroupResource{Group: "fake.example", Resource: "stores"}
	for name, tc := range map[string]struct {
		data         string // of the object
		cached, live oneStore
		message      string // empty: allowed
		reason       metav1.StatusReason
		warnings     []string
	}{
		"a store that is permitted":                   {`"key": "dev"`, oneStore{role: permitted}, oneStore{role: noStore}, "", "", nil},
		"a store that is not":                         {`"key": "dev"`, oneStore{role: forbidden}, oneStore{role: forbidden}, wantDenial, metav1.StatusReasonForbidden, nil},
		"a store that has changed":                    {`"key": "dev"`, oneStore{role: forbidden}, oneStore{role: permitted}, "", "", nil},
		"a store that has just come":                  {`"key": "dev"`, oneStore{role: noStore}, oneStore{role: permitted}, "", "", nil},
		"one that has just come and is not permitted": {`"key": "dev"`, oneStore{role: noStore}, oneStore{role: forbidden}, wantDenial, metav1.StatusReasonForbidden, nil},
		"a cache that does not answer":                {`"key": "dev"`, oneStore{err: errors.New("not started")}, oneStore{role: permitted}, "", "", nil},
		"no store yet":                                {`"key": "dev"`, oneStore{role: noStore}, oneStore{role: noStore}, "", "", []string{wantWarning}},
		"stores that are not installed yet": {
			`"key": "dev"`, oneStore{role: noStore}, oneStore{err: &meta.NoResourceMatchError{PartialResource: resource.WithVersion("")}},
			"", "", []string{wantWarning},
		},
		"no store yet, and what needs none is forbidden": {
			`"key": "prod"`, oneStore{role: noStore}, oneStore{role: noStore}, wantKey, metav1.StatusReasonForbidden, []string{wantWarning},
		},
		"no store yet, and what needs none is wrong": {
			`"key": "dev", "wrong": "x"`, oneStore{role: noStore}, oneStore{role: noStore},
			`data.wrong: Invalid value: "x": is wrong`, metav1.StatusReasonInvalid, []string{wantWarning},
		},
		"a store that cannot be read": {
			`"key": "dev"`, oneStore{role: noStore}, oneStore{err: errors.New("connection refused")},
			"Store core/vault, to which the object refers, cannot be read: connection refused", metav1.StatusReasonServiceUnavailable, nil,
		},
		"a store that may not be read": {
			`"key": "dev"`, oneStore{role: noStore}, oneStore{err: apierrors.NewForbidden(resource, "vault", nil)},
			"the webhook may not read Store core/vault, to which the object refers: its ClusterRole must allow get, list and watch",
			metav1.StatusReasonServiceUnavailable, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			ns := namespaceReader{annotations: map[string]map[string]string{"core": {
				names.AnnotationPermittedRole: permitted, names.AnnotationPermittedKeyName: "dev",
			}}}
			v := &Validator{
				Kinds: []dialect.Kind{&readers{}}, Namespaces: Namespaces{Cached: ns, Live: ns},
				References: References{Kinds: []dialect.StoreKind{stores{}}, Cached: tc.cached, Live: tc.live},
			}
			got := reviewOfKind(t, v, v.Kinds[0], `{"metadata": {"name": "db"}, "data": {"store": "vault", `+tc.data+`}}`)
			if got.Allowed != (tc.message == "") {
				t.Errorf("got allowed %t", got.Allowed)
			}
			if diff := cmp.Diff(tc.message, got.Result.Message); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.reason, got.Result.Reason); diff != "" {
				t.Errorf("reason (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.warnings, got.Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestStoredObjectsAreJudgedWithWhatTheyReferTo(t *testing.T) {
	for name, tc := range map[string]struct {
		store oneStore
		want  []string
	}{
		"a store that the new annotations forbid": {oneStore{role: "admin"}, []string{
			"these annotations forbid 1 Reader stored in namespace core that they permitted before; refreshes of them end, their Secrets stay",
			"Reader db: data",
		}},
		"no store, so that what needs none is judged": {oneStore{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := Stored{
				Kinds: []dialect.Kind{&readers{}}, Live: oneReader{},
				References: References{Kinds: []dialect.StoreKind{stores{}}, Cached: tc.store},
			}
			var got []string
			for _, found := range s.examine(t.Context(), relimited("annotations", annotated(names.AnnotationPermittedRole, "team"), annotated())) {
				for _, n := range found.notices() {
					got = append(got, n.text)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// annotated is namespace core with annotations, each a name and a value.
func annotated(texts ...string) metav1.PartialObjectMetadata {
	ns := metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "core", Annotations: map[string]string{}}}
	for i := 0; i < len(texts); i += 2 {
		ns.Annotations[texts[i]] = texts[i+1]
	}
	return ns
}

// oneReader lists an object of kind Reader.
type oneReader struct{ client.Reader }

func (oneReader) List(_ context.Context, into client.ObjectList, _ ...client.ListOption) error {
	if list, ok := into.(*corev1.ConfigMapList); ok {
		list.Items = []corev1.ConfigMap{{
			ObjectMeta: metav1.ObjectMeta{Name: "db", Namespace: "core"}, Data: map[string]string{"store": "vault", "key": "dev"},
		}}
	}
	return nil
}

func TestAKindThatIsNotHandledIsDenied(t *testing.T) {
	const want = `kind "Reader" of group "fake.example" is of no API that this webhook handles, so that its policy cannot be judged: ` +
		`name its dialect in --dialects (DIALECTS) of the webhook, or take the rule for it out of the webhook configuration`
	ns := permitting(".*")
	for _, handler := range []Handler{
		&Mutator{Kinds: externalSecrets}, &Validator{Kinds: externalSecrets, Namespaces: Namespaces{Cached: ns, Live: ns}},
	} {
		got := reviewOfKind(t, handler, &readers{}, `{}`)
		if got.Allowed || got.Result.Code != 403 || got.Result.Message != want {
			t.Errorf("%T answers %+v, want a denial: %s", handler, got.Result, want)
		}
	}
}

func TestAKindWithoutDeprecatedFieldsIsNotConverted(t *testing.T) {
	kind := struct{ dialect.Kind }{&readers{}} // which has none of the abilities
	if got := reviewOfKind(t, &Mutator{Kinds: []dialect.Kind{kind}}, kind, `{"secretDescriptor": {"a": 1}}`); !got.Allowed || got.Patch != nil {
		t.Errorf("got %+v with patch %s, want it as it is", got.Result, got.Patch)
	}
}

func TestAStoreIsStoredIfItCanBeRead(t *testing.T) {
	v := &Validator{References: References{Kinds: []dialect.StoreKind{stores{}}}}
	if got := reviewOfKind(t, v, stores{}, `{"data": {"role": "admin"}}`); !got.Allowed {
		t.Errorf("got %+v, want it allowed", got.Result)
	}
	got := reviewOfKind(t, v, stores{}, `{"data": {"role": 1}}`)
	if got.Allowed || !strings.HasPrefix(got.Result.Message, "the object of the request cannot be read: ") {
		t.Errorf("got %+v, want a denial of what cannot be decoded", got.Result)
	}
}
