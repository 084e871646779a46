package apply

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/internal/render"
)

// aRequest asks for a Secret with all that can be compared.
func aRequest() Request {
	immutable := false
	return Request{Owner: mine, Name: "db", Expected: true, Content: &render.Secret{
		Type: "Opaque", Immutable: &immutable, Data: map[string][]byte{"user": []byte("u"), "password": []byte("p")},
		Labels: map[string]string{"team": "core"}, Annotations: map[string]string{"example.com/note": "n"},
	}}
}

// restarted writes a Secret, and gives a writer of another process that has listed it. reads counts the Secrets that it reads.
func restarted(t *testing.T, written Request, change func(*corev1.Secret)) (w *Writer, version string, reads *int) {
	t.Helper()
	all := cluster(t)
	if _, err := (&Writer{Client: all}).Write(t.Context(), written); err != nil {
		t.Fatal(err)
	}
	secret := &corev1.Secret{}
	key := client.ObjectKey{Namespace: mine.Namespace, Name: "db"}
	if err := all.Get(t.Context(), key, secret); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(secret)
		if err := all.Update(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
	}
	reads = new(int)
	w = &Writer{Known: &Known{}, Client: interceptor.NewClient(all, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, into client.Object, options ...client.GetOption) error {
			*reads++
			return c.Get(ctx, key, into, options...)
		},
	})}
	if err := w.Known.Load(t.Context(), withFields{all}, nil, nil); err != nil {
		t.Fatal(err)
	}
	return w, secret.ResourceVersion, reads
}

// withFields is an API server that keeps record of who set what: all that the Secret "db" has is ours, but what another client set.
type withFields struct{ client.Client }

func (c withFields) List(ctx context.Context, into client.ObjectList, options ...client.ListOption) error {
	if err := c.Client.List(ctx, into, options...); err != nil {
		return err
	}
	list, _ := into.(*corev1.SecretList)
	for i := range list.Items {
		labels, annotations := "", ""
		for key := range list.Items[i].Labels {
			if key != "example.com/theirs" {
				labels += fmt.Sprintf(`"f:%s":{},`, key)
			}
		}
		for key := range list.Items[i].Annotations {
			annotations += fmt.Sprintf(`"f:%s":{},`, key)
		}
		list.Items[i].ManagedFields = []metav1.ManagedFieldsEntry{{Manager: names.FieldManager, FieldsV1: metav1.NewFieldsV1(
			fmt.Sprintf(`{"f:metadata":{"f:labels":{%s".":{}},"f:annotations":{%s".":{}}}}`, labels, annotations))}}
	}
	return nil
}

func TestASecretThatIsKnownIsNotRead(t *testing.T) {
	for _, tc := range []struct {
		name    string
		written func(*Request)
		change  func(*corev1.Secret)
		request func(*Request)
		read    bool
	}{
		{name: "it is as it should be"},
		{name: "another client has labelled it", change: func(s *corev1.Secret) { s.Labels["example.com/theirs"] = "x" }},
		{name: "a label that it must not have", change: func(s *corev1.Secret) { s.Labels["example.com/theirs"] = "x" },
			request: func(r *Request) { r.Removed = []string{"example.com/theirs"} }, read: true},
		{name: "it outlives its owner", written: func(r *Request) { r.Owner.DeletionPolicy = plan.DeletionRetain },
			request: func(r *Request) { r.Owner.DeletionPolicy = plan.DeletionRetain }},
		{name: "it is to outlive its owner from now on", request: func(r *Request) { r.Owner.DeletionPolicy = plan.DeletionRetain }, read: true},
		{name: "it has a stamp", written: func(r *Request) { r.Stamp = plan.Stamp{Annotation: "example.com/at", Format: "15:04"} },
			request: func(r *Request) { r.Stamp = plan.Stamp{Annotation: "example.com/at", Format: "15:04"} }},
		{name: "a value has changed", request: func(r *Request) { r.Content.Data["user"] = []byte("v") }, read: true},
		{name: "an entry is new", request: func(r *Request) { r.Content.Data["host"] = nil }, read: true},
		{name: "an entry is gone", request: func(r *Request) { delete(r.Content.Data, "user") }, read: true},
		{name: "a value has moved to another entry", request: func(r *Request) {
			r.Content.Data["user"], r.Content.Data["password"] = r.Content.Data["password"], r.Content.Data["user"]
		}, read: true},
		{name: "a label has changed", request: func(r *Request) { r.Content.Labels["team"] = "web" }, read: true},
		{name: "a label is gone", request: func(r *Request) { r.Content.Labels = nil }, read: true},
		{name: "an annotation has changed", request: func(r *Request) { r.Content.Annotations["example.com/note"] = "m" }, read: true},
		{name: "an annotation is gone", request: func(r *Request) { r.Content.Annotations = nil }, read: true},
		{name: "it is to be immutable", request: func(r *Request) { *r.Content.Immutable = true }, read: true},
		{name: "its type has changed", request: func(r *Request) { r.Content.Type = "example.com/x" }, read: true},
		{name: "it is another object's", request: func(r *Request) { r.Owner.UID = "another" }, read: true},
		{name: "its owner has another version", request: func(r *Request) { r.Owner.Kind.Version = "v2" }, read: true},
		{name: "the status has counted further", request: func(r *Request) { r.Revision = 7 }, read: true},
		{name: "it is shared", request: func(r *Request) { r.Sharing = plan.Merge }, read: true},
		{name: "the cache has a newer one", request: func(r *Request) { r.Cached = "newer" }, read: true},
		{name: "the cache does not have it", request: func(r *Request) { r.Cached = "" }, read: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			written, request := aRequest(), aRequest()
			if tc.written != nil {
				tc.written(&written)
			}
			w, version, reads := restarted(t, written, tc.change)
			request.Cached = version
			if tc.request != nil {
				tc.request(&request)
			}
			got, err := w.Write(t.Context(), request)
			if read := *reads > 0; read != tc.read {
				t.Errorf("it was read: got %v, want %v (error %v)", read, tc.read, err)
			}
			if tc.read {
				return
			}
			got.UID = ""
			if diff := cmp.Diff(Result{Secret: "db", ResourceVersion: version, Revision: 1}, got); diff != "" || err != nil {
				t.Errorf("result (-want +got), error %v:\n%s", err, diff)
			}
			request.Content.Data = maps.Clone(request.Content.Data)
			request.Content.Data["user"] = []byte("later")
			if _, err := w.Write(t.Context(), request); err != nil || *reads == 0 {
				t.Errorf("a later write: got %d reads, error %v; want one that compares it with what is there", *reads, err)
			}
		})
	}
}

func TestLoadHasOurSecretsAlone(t *testing.T) {
	secret := func(namespace, name string, managed bool, uid types.UID) *corev1.Secret {
		s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, OwnerReferences: controlledBy("ExternalSecret", name, string(uid))}}
		if managed {
			s.Labels = map[string]string{names.LabelManaged: "true"}
		}
		return s
	}
	c := cluster(t, secret("a", "mine", true, "1"), secret("b", "mine", true, "1"), secret("a", "another's", true, "2"), secret("a", "unmanaged", false, "1"))
	for name, tc := range map[string]struct {
		namespaces []string
		want       []string
	}{
		"of all namespaces": {nil, []string{"a/mine", "b/mine"}},
		"of one":            {[]string{"b"}, []string{"b/mine"}},
	} {
		t.Run(name, func(t *testing.T) {
			k := &Known{}
			if err := k.Load(t.Context(), c, tc.namespaces, func(uid types.UID) bool { return uid == "uid-1" }); err != nil {
				t.Fatal(err)
			}
			got := map[string]bool{}
			for key := range k.secrets {
				got[key.String()] = true
			}
			want := map[string]bool{}
			for _, key := range tc.want {
				want[key] = true
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("known Secrets (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoadSaysWhatFailed(t *testing.T) {
	refused := errors.New("refused")
	c := interceptor.NewClient(cluster(t), interceptor.Funcs{
		List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error { return refused },
	})
	if err := (&Known{}).Load(t.Context(), c, nil, nil); !errors.Is(err, refused) {
		t.Errorf("error: got %v, want %v", err, refused)
	}
}
