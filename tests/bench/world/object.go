package world

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
	"github.com/secretgate/secretgate/tests/harness"
)

// Object is one ExternalSecret, and the Secret of the same name that is to follow it: two entries, username and password,
// from the properties of one JSON secret.
type Object struct {
	types.NamespacedName
	Source string // the name of the secret at AWS
	Role   string // spec.roleArn; empty: the syncer's own identity
	// Copy adds a third entry, copy, which holds the password again.
	Copy bool
	// Templated adds a text that a template of three expressions makes, config.
	Templated bool
}

func cmpNames(a, b types.NamespacedName) int {
	if c := strings.Compare(a.Namespace, b.Namespace); c != 0 {
		return c
	}
	return strings.Compare(a.Name, b.Name)
}

// Namespaces is how many the objects are spread over.
const Namespaces = 10

// NamespaceName names one of them.
func NamespaceName(i int) string { return fmt.Sprintf("bench-%d", i%Namespaces) }

// Distinct are n objects with a secret of their own each.
func Distinct(name string, n int) []Object {
	objects := make([]Object, n)
	for i := range objects {
		id := fmt.Sprintf("%s-%05d", name, i)
		objects[i] = Object{NamespacedName: types.NamespacedName{Namespace: NamespaceName(i), Name: id}, Source: "bench/" + id}
	}
	return objects
}

// Shared are n objects that read one and the same secret.
func Shared(name string, n int) []Object {
	objects := Distinct(name, n)
	for i := range objects {
		objects[i].Source = "bench/" + name
	}
	return objects
}

// Path is the object's own at the API server.
func (o Object) Path() string { return collection(o.Namespace) + "/" + o.Name }

// SecretPath is its Secret's.
func (o Object) SecretPath() string {
	return "/api/v1/namespaces/" + o.Namespace + "/secrets/" + o.Name
}

const allObjects = "/apis/kubernetes-client.io/v1/externalsecrets"

func collection(namespace string) string {
	return "/apis/kubernetes-client.io/v1/namespaces/" + namespace + "/externalsecrets"
}

// Spec is what the object asks for.
func (o Object) Spec() apiv1.ExternalSecretSpec {
	spec := apiv1.ExternalSecretSpec{
		Backend: apiv1.BackendAWSSecretsManager, RoleARN: o.Role,
		Data: []apiv1.DataEntry{
			{Key: o.Source, Name: "username", Property: "username"},
			{Key: o.Source, Name: "password", Property: "password"},
		},
	}
	if o.Copy {
		spec.Data = append(spec.Data, apiv1.DataEntry{Key: o.Source, Name: "copy", Property: "password"})
	}
	if o.Templated {
		spec.Template = &runtime.RawExtension{Raw: []byte(`{"stringData": {"config": "user: <%= data.username %>\npassword: ${data.password}\n` +
			`login: <%= Buffer.from(data.username + ':' + data.password).toString('base64') %>\n"}}`)}
	}
	return spec
}

// Create stores objects at the API server, many at a time.
func (w *World) Create(ctx context.Context, objects ...Object) error {
	return each(ctx, objects, func(ctx context.Context, o Object) error { return w.CreateSpec(ctx, o.NamespacedName, o.Spec()) })
}

// CreateSpec stores one object of any spec.
func (w *World) CreateSpec(ctx context.Context, name types.NamespacedName, spec apiv1.ExternalSecretSpec) error {
	body, err := json.Marshal(map[string]any{
		"apiVersion": "kubernetes-client.io/v1", "kind": "ExternalSecret",
		"metadata": metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name}, "spec": spec,
	})
	if err != nil {
		return err
	}
	var stored struct {
		Metadata struct{ UID types.UID } `json:"metadata"`
	}
	err = w.Client.Do(ctx, http.MethodPost, collection(name.Namespace), harness.JSON, body, &stored)
	w.uids.Store(name, stored.Metadata.UID)
	return err
}

// UID is the uid that the API server gave a stored object.
func (w *World) UID(o Object) types.UID {
	uid, _ := w.uids.Load(o.NamespacedName)
	known, _ := uid.(types.UID)
	return known
}

// Edit gives stored objects the spec that they have here.
func (w *World) Edit(ctx context.Context, objects ...Object) error {
	return each(ctx, objects, func(ctx context.Context, o Object) error {
		body, err := json.Marshal(map[string]any{"spec": o.Spec()})
		if err != nil {
			return err
		}
		return w.Client.Do(ctx, http.MethodPatch, o.Path(), harness.MergePatch, body, nil)
	})
}

// Delete deletes objects. Those that are gone already are passed over.
func (w *World) Delete(ctx context.Context, objects ...Object) error {
	return each(ctx, objects, func(ctx context.Context, o Object) error {
		if err := w.Client.Do(ctx, http.MethodDelete, o.Path(), "", nil, nil); err != nil && !harness.NotFound(err) {
			return err
		}
		return nil
	})
}

// DeleteAll deletes all objects of a namespace by one request.
func (w *World) DeleteAll(ctx context.Context, namespace string) error {
	return w.Client.Do(ctx, http.MethodDelete, collection(namespace), "", nil, nil)
}

// writers is how many requests the preparation of a world makes at a time.
const writers = 48

func each[T any](ctx context.Context, items []T, do func(context.Context, T) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for _, item := range items {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error { return do(ctx, item) })
	}
	return group.Wait()
}
