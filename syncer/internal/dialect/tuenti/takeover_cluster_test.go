package tuenti

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/secretgate/secretgate/shared/dialect"
	dialects "github.com/secretgate/secretgate/shared/dialect/all"
	esov1 "github.com/secretgate/secretgate/shared/dialect/eso/v1"
	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
	sealedv1 "github.com/secretgate/secretgate/shared/dialect/sealed/v1alpha1"
	"github.com/secretgate/secretgate/shared/dialect/tuenti/v1alpha1"
	vsov1 "github.com/secretgate/secretgate/shared/dialect/vso/v1beta1"
	"github.com/secretgate/secretgate/syncer/internal/apply"
)

var errPlanted = errors.New("planted")

// cluster is an API server that holds these objects, and what fails there. It lists SecretDefinitions in two pages, the first of
// them empty, and refuses names as the client of a real one does.
func cluster(t *testing.T, failing interceptor.Funcs, objects ...client.Object) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := errors.Join(corev1.AddToScheme(scheme), apiv1.AddToScheme(scheme), v1alpha1.AddToScheme(scheme), esov1.AddToScheme(scheme),
		vsov1.AddToScheme(scheme), sealedv1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	name := func(object client.Object) []string { return []string{object.GetName()} }
	all := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).
		WithIndex(&apiv1.ExternalSecret{}, "metadata.name", name).WithIndex(&sealedv1.SealedSecret{}, "metadata.name", name).Build()
	begun := false
	paged := interceptor.NewClient(all, interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			asked := (&client.ListOptions{}).ApplyOptions(options)
			page, ok := list.(*v1alpha1.SecretDefinitionList)
			switch {
			case !ok || asked.Limit == 0 || asked.Continue == "next":
				return c.List(ctx, list, options...)
			case begun:
				return errors.New("the first page is asked for again")
			}
			begun, page.Continue = true, "next"
			return nil
		},
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
			if key.Name == "" || strings.Contains(key.Name, "/") {
				return errors.New("invalid resource name")
			}
			return c.Get(ctx, key, object, options...)
		},
	})
	return interceptor.NewClient(paged, failing)
}

// definition is one that names a Secret, and was created at a second.
func definition(namespace, name, secret string, second int64) *v1alpha1.SecretDefinition {
	return &v1alpha1.SecretDefinition{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name, UID: types.UID(namespace + "/" + name), CreationTimestamp: metav1.Unix(second, 0),
		},
		Spec: v1alpha1.SecretDefinitionSpec{Name: secret},
	}
}

func external(name string, second int64) *apiv1.ExternalSecret {
	return &apiv1.ExternalSecret{ObjectMeta: metav1.ObjectMeta{
		Namespace: "core", Name: name, UID: types.UID("es/" + name), CreationTimestamp: metav1.Unix(second, 0)}}
}

const foreignFinalizer = "example.com/theirs"

// deleted is an object that is being deleted, which its finalizers hold up.
func deleted[T client.Object](object T, finalizers ...string) T {
	at := metav1.Unix(100, 0)
	object.SetDeletionTimestamp(&at)
	object.SetFinalizers(append(finalizers, foreignFinalizer))
	return object
}

// leftBehind is Secret db as secrets-manager left it.
func leftBehind() *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{
		Namespace: "core", Name: "db",
		Labels:      map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedBy},
		Annotations: map[string]string{v1alpha1.AnnotationLastUpdate: "2020-04-22T14.34.17Z"},
	}}
}

func TestAdoptPermitsTheOldestObjectThatNamesTheSecret(t *testing.T) {
	conflict := func(kind, name string) string {
		return "Secret db is claimed by " + kind + " " + name + ", too, which is older: it is left alone; delete one of the two, or set another spec.name"
	}
	for _, tc := range []struct {
		name      string
		other     client.Object
		permitted bool
		problem   string
	}{
		{"no conflicting object", definition("core", "other", "other", 1), true, ""},
		{"a younger SecretDefinition", definition("core", "other", "db", 20), true, ""},
		{"an older one", definition("core", "other", "db", 1), false, conflict("SecretDefinition", "other")},
		{"an older one that is being deleted", deleted(definition("core", "other", "db", 1)), true, ""},
		{"one of the Secret's name that names another", definition("core", "db", "other", 1), true, ""},
		{"one of another namespace", definition("edge", "other", "db", 1), true, ""},
		{"an older ExternalSecret", external("db", 1), false, conflict("ExternalSecret", "db")},
		{"a younger one", external("db", 20), true, ""},
		{"one that makes another Secret", external("other", 1), true, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			mine := definition("core", "mine", "db", 10)
			takeover := &takeover{kinds: kinds(), live: cluster(t, interceptor.Funcs{}, mine, tc.other)}
			permitted, problem, err := takeover.Adopt(t.Context(), mine, leftBehind())
			if permitted != tc.permitted || problem != tc.problem || err != nil {
				t.Errorf("permitted is %t, the problem %q, the error %v", permitted, problem, err)
			}
		})
	}
	t.Run("what others made is not adopted", func(t *testing.T) {
		theirs := leftBehind()
		delete(theirs.Annotations, v1alpha1.AnnotationLastUpdate)
		takeover := &takeover{kinds: kinds(), live: cluster(t, interceptor.Funcs{})}
		if permitted, problem, err := takeover.Adopt(t.Context(), definition("core", "mine", "db", 10), theirs); permitted || problem != "" || err != nil {
			t.Errorf("permitted is %t, the problem %q, the error %v", permitted, problem, err)
		}
	})
}

func TestAdoptFailsIfObjectsCannotBeListed(t *testing.T) {
	for _, unlisted := range []client.ObjectList{&v1alpha1.SecretDefinitionList{}, &apiv1.ExternalSecretList{}} {
		takeover := &takeover{kinds: kinds(), live: cluster(t, interceptor.Funcs{
			List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
				if cmp.Equal(list, unlisted) {
					return errPlanted
				}
				return c.List(ctx, list, options...)
			},
		})}
		if permitted, _, err := takeover.Adopt(t.Context(), definition("core", "mine", "db", 10), leftBehind()); permitted || !errors.Is(err, errPlanted) {
			t.Errorf("without %T permitted is %t, the error %v", unlisted, permitted, err)
		}
	}
}

func TestReleaseRemovesTheFinalizerOfSecretsManager(t *testing.T) {
	held := func(object *v1alpha1.SecretDefinition, finalizers ...string) *v1alpha1.SecretDefinition {
		object.SetFinalizers(finalizers)
		return object
	}
	going := func(secret string) *v1alpha1.SecretDefinition {
		return deleted(definition("core", "mine", secret, 10), v1alpha1.Finalizer)
	}
	yes := true
	foreign, own := leftBehind(), leftBehind()
	foreign.Annotations = nil
	own.Annotations, own.OwnerReferences = nil, []metav1.OwnerReference{{UID: "core/mine", Controller: &yes}}
	for _, tc := range []struct {
		name   string
		object *v1alpha1.SecretDefinition
		others []client.Object // the first is Secret db
		stays  bool            // the Secret
	}{
		{"a Secret stays with an object that stays", held(definition("core", "mine", "db", 10), v1alpha1.Finalizer, foreignFinalizer), []client.Object{leftBehind()}, true},
		{"one that was made for an object goes with it", going("db"), []client.Object{leftBehind()}, false},
		{"so does one that is its own", going("db"), []client.Object{own}, false},
		{"not one that others made", going("db"), []client.Object{foreign}, true},
		{"nor one that another object names", going("db"), []client.Object{leftBehind(), definition("core", "other", "db", 20)}, true},
		{"nor one that an ExternalSecret makes", going("db"), []client.Object{leftBehind(), external("db", 20)}, true},
		{"one that another object names goes with both", going("db"), []client.Object{leftBehind(), deleted(definition("core", "other", "db", 20))}, false},
		{"no name holds an object up", going(""), []client.Object{leftBehind()}, true},
		{"nor does one that no Secret can have", going("a/b"), []client.Object{leftBehind()}, true},
		{"what never had it is not written", held(definition("core", "mine", "db", 10), foreignFinalizer), []client.Object{leftBehind()}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := cluster(t, interceptor.Funcs{}, append(tc.others, tc.object)...)
			takeover := &takeover{kinds: kinds(), client: c, live: c, writer: &apply.Writer{Client: c}}
			object := &v1alpha1.SecretDefinition{}
			read(t, c, tc.object, object)
			if err := takeover.Finish(t.Context(), object); err != nil {
				t.Fatal(err)
			}
			released := &v1alpha1.SecretDefinition{}
			read(t, c, tc.object, released)
			if diff := cmp.Diff([]string{foreignFinalizer}, released.Finalizers); diff != "" {
				t.Errorf("finalizers (-want +got):\n%s", diff)
			}
			if written := object.ResourceVersion != released.ResourceVersion; written != (len(object.Finalizers) > 1) {
				t.Errorf("that it was written is %t", written)
			}
			err := c.Get(t.Context(), client.ObjectKeyFromObject(tc.others[0]), &corev1.Secret{})
			if client.IgnoreNotFound(err) != nil || (err == nil) != tc.stays {
				t.Errorf("reading the Secret: %v", err)
			}
		})
	}
}

func read(t *testing.T, c client.Client, object, into client.Object) {
	t.Helper()
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(object), into); err != nil {
		t.Fatal(err)
	}
}

func TestReleaseLeavesTheFinalizerIfTheSecretCannotBeDeleted(t *testing.T) {
	failing := interceptor.Funcs{Delete: func(context.Context, client.WithWatch, client.Object, ...client.DeleteOption) error {
		return errPlanted
	}}
	c := cluster(t, failing, leftBehind(), deleted(definition("core", "mine", "db", 10), v1alpha1.Finalizer))
	takeover := &takeover{kinds: kinds(), client: c, live: c, writer: &apply.Writer{Client: c}}
	object := &v1alpha1.SecretDefinition{}
	read(t, c, definition("core", "mine", "db", 10), object)
	if err := takeover.Finish(t.Context(), object); !errors.Is(err, errPlanted) {
		t.Errorf("where the Secret cannot be deleted, the error is %v", err)
	}
	released := &v1alpha1.SecretDefinition{}
	read(t, c, object, released)
	if diff := cmp.Diff([]string{v1alpha1.Finalizer, foreignFinalizer}, released.Finalizers); diff != "" {
		t.Error(diff)
	}
}

func TestReleaseOverwritesNoFinalizersOfOthers(t *testing.T) {
	mine := definition("core", "mine", "db", 10)
	mine.Finalizers = []string{v1alpha1.Finalizer}
	c := cluster(t, interceptor.Funcs{}, mine)
	takeover := &takeover{kinds: kinds(), client: c, live: c, writer: &apply.Writer{Client: c}}
	cached, now := &v1alpha1.SecretDefinition{}, &v1alpha1.SecretDefinition{}
	read(t, c, mine, cached)
	read(t, c, mine, now)
	now.Finalizers = append(now.Finalizers, foreignFinalizer)
	if err := c.Update(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	if err := takeover.Finish(t.Context(), cached); !apierrors.IsConflict(err) {
		t.Errorf("for an object that is newer than the cache the error is %v", err)
	}
	gone := definition("core", "gone", "gone", 10)
	gone.Finalizers = []string{v1alpha1.Finalizer}
	if err := takeover.Finish(t.Context(), gone); err != nil {
		t.Errorf("for an object that is gone the error is %v", err)
	}
}

// kinds are all that the syncer knows.
func kinds() []dialect.Kind {
	var all []dialect.Kind
	for _, d := range dialects.Dialects() {
		all = append(all, d.New().Kinds()...)
	}
	return all
}
