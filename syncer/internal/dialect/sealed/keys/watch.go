package keys

import (
	"context"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	typedcore "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/cache"
)

// The watches: of the Secrets with the label, and of the one that is a key by its name.
const (
	watchLabel = iota
	watchName
	watches
)

// Watch keeps the keys as the Secrets of their namespace are, until ctx ends. It needs the rights to list and watch them there.
func (r *Ring) Watch(ctx context.Context, secrets typedcore.SecretInterface) {
	var all sync.WaitGroup
	for n, narrow := range [watches]func(*metav1.ListOptions){
		watchLabel: func(o *metav1.ListOptions) {
			o.LabelSelector = labels.SelectorFromSet(labels.Set{Label: Active}).String()
		},
		watchName: func(o *metav1.ListOptions) {
			o.FieldSelector = fields.OneTermEqualSelector("metadata.name", r.Prefix).String()
		},
	} {
		from := &cache.ListWatch{
			ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
				narrow(&options)
				list, err := secrets.List(ctx, options)
				if err != nil {
					r.fail(n, err)
				}
				return list, err
			},
			WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
				narrow(&options)
				return secrets.Watch(ctx, options)
			},
		}
		reflector := cache.NewReflectorWithOptions(cache.ToListWatcherWithWatchListSemantics(from, lister{}), &corev1.Secret{},
			&list{ring: r, watch: n}, cache.ReflectorOptions{Name: "sealing keys"})
		all.Go(func() { reflector.RunWithContext(ctx) })
	}
	all.Wait()
}

// lister has the Reflector list before it watches, rather than have the API server send what there is by a watch: a failure to list is an
// answer, which says what is missing.
type lister struct{}

// IsWatchListSemanticsUnSupported is what the Reflector asks for.
func (lister) IsWatchListSemanticsUnSupported() bool { return true }

// list is where a Reflector puts the Secrets of one watch. It keeps the keys alone.
type list struct {
	ring  *Ring
	watch int
}

// Add implements cache.ReflectorStore.
func (l *list) Add(object any) error { return l.Update(object) }

// Update implements cache.ReflectorStore.
func (l *list) Update(object any) error {
	secret, err := secretOf(object)
	if err == nil {
		l.ring.put(l.watch, false, secret)
	}
	return err
}

// Delete implements cache.ReflectorStore.
func (l *list) Delete(object any) error {
	secret, err := secretOf(object)
	if err == nil {
		l.ring.remove(l.watch, secret.Name)
	}
	return err
}

// Replace implements cache.ReflectorStore.
func (l *list) Replace(objects []any, _ string) error {
	secrets := make([]*corev1.Secret, 0, len(objects))
	for _, object := range objects {
		secret, err := secretOf(object)
		if err != nil {
			return err
		}
		secrets = append(secrets, secret)
	}
	l.ring.put(l.watch, true, secrets...)
	return nil
}

// Resync implements cache.ReflectorStore.
func (l *list) Resync() error { return nil }

func secretOf(object any) (*corev1.Secret, error) {
	secret, is := object.(*corev1.Secret)
	if !is {
		return nil, fmt.Errorf("%T is no Secret", object)
	}
	return secret, nil
}
