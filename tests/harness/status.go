package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Ref names an object of any kind.
type Ref struct {
	Resource        schema.GroupVersionResource
	Namespace, Name string // Namespace is empty where the object is in none
}

// Secret names a Secret.
func Secret(namespace, name string) Ref {
	return Ref{schema.GroupVersionResource{Version: "v1", Resource: "secrets"}, namespace, name}
}

// Path is the object's own at the API server.
func (r Ref) Path() string {
	root := path.Join("/apis", r.Resource.Group, r.Resource.Version)
	if r.Resource.Group == "" {
		root = path.Join("/api", r.Resource.Version)
	}
	if r.Namespace != "" {
		root = path.Join(root, "namespaces", r.Namespace)
	}
	return path.Join(root, r.Resource.Resource, r.Name)
}

func (r Ref) String() string { return r.Resource.Resource + " " + path.Join(r.Namespace, r.Name) }

// Object is what objects report, whatever their kind. A field that a kind does not have is zero.
type Object struct {
	Metadata struct {
		Namespace, Name string
		Generation      int64
	} `json:"metadata"`
	Status struct {
		Status             string             `json:"status"`
		ObservedGeneration int64              `json:"observedGeneration"`
		Conditions         []metav1.Condition `json:"conditions"`
	} `json:"status"`
}

// Ready is condition Ready; zero where there is none.
func (o Object) Ready() metav1.Condition {
	if found := meta.FindStatusCondition(o.Status.Conditions, "Ready"); found != nil {
		return *found
	}
	return metav1.Condition{}
}

// reports is an error unless condition Ready of the present generation has a reason, and status.status holds a text.
func (o Object) reports(reason, text string) error {
	ready := o.Ready()
	if ready.Reason != reason || ready.ObservedGeneration != o.Metadata.Generation || !strings.Contains(o.Status.Status, text) {
		return fmt.Errorf("got reason %q of generation %d and status %q, want reason %q of generation %d and a status with %q",
			ready.Reason, ready.ObservedGeneration, o.Status.Status, reason, o.Metadata.Generation, text)
	}
	return nil
}

// Get reads an object. NotFound reports whether the error is that there is none.
func Get[T any](ctx context.Context, c *Client, ref Ref) (*T, error) {
	object := new(T)
	return object, c.Do(ctx, http.MethodGet, ref.Path(), "", nil, object)
}

// Await reads an object until there is one that passes a check, and returns that.
func Await[T any](ctx context.Context, c *Client, ref Ref, check func(*T) error) (*T, error) {
	var object *T
	err := Poll{}.Until(ctx, func() (err error) {
		if object, err = Get[T](ctx, c, ref); err == nil {
			err = check(object)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ref, err)
	}
	return object, nil
}

// AwaitReason waits until condition Ready of an object's present generation has a reason and status.status holds a text, which may
// be empty. It returns the object that reported this.
func AwaitReason[T any](ctx context.Context, c *Client, ref Ref, reason, text string) (*T, error) {
	seen, err := Await(ctx, c, ref, func(o *reported[T]) error { return o.reports(reason, text) })
	if err != nil {
		return nil, err
	}
	return &seen.typed, nil
}

// reported is one reading of an object, as its own type and as what all kinds report.
type reported[T any] struct {
	Object
	typed T
}

func (r *reported[T]) UnmarshalJSON(text []byte) error {
	return errors.Join(json.Unmarshal(text, &r.typed), json.Unmarshal(text, &r.Object))
}

// Holds is an error unless the entries of a Secret are exactly those that are wanted. It names entries, never values.
func Holds(have map[string][]byte, want map[string]string) error {
	for key, value := range want {
		got, ok := have[key]
		switch {
		case !ok:
			return fmt.Errorf("there is no entry %s", key)
		case string(got) != value:
			return fmt.Errorf("entry %s does not hold the wanted value", key)
		}
	}
	if len(have) != len(want) {
		return fmt.Errorf("got %d entries, want %d", len(have), len(want))
	}
	return nil
}
