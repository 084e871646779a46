package shard

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/sharding"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"
)

// server keeps objects of one resource in memory as an API server does: with resourceVersions, conflicts,
// preconditions, selectors, and watches that replay what came after a version.
type server struct {
	t         *testing.T
	resource  schema.GroupResource
	prototype runtime.Object
	empty     runtime.Object // list
	sharded   bool           // knows ListOptions.ShardSelector

	mu      sync.Mutex
	version int
	objects map[string]runtime.Object
	log     []entry
	grown   chan struct{}
	fail    func(verb string) error // nil: nothing fails
	asked   []string                // verb and shard selector of each list and watch
}

type entry struct {
	version int
	event   watch.Event
}

func newServer(t *testing.T, resource string, prototype, empty runtime.Object) *server {
	return &server{t: t, resource: schema.GroupResource{Resource: resource}, prototype: prototype, empty: empty,
		objects: map[string]runtime.Object{}, grown: make(chan struct{})}
}

func (s *server) failWith(fail func(verb string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = fail
}

// enter begins a request; the lock is held where it succeeds.
func (s *server) enter(ctx context.Context, verb string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s.mu.Lock()
	if s.fail != nil {
		if err := s.fail(verb); err != nil {
			s.mu.Unlock()
			return err
		}
	}
	return nil
}

func (s *server) accessor(object runtime.Object) metav1.Object {
	accessor, err := meta.Accessor(object)
	if err != nil {
		s.t.Error(err)
	}
	return accessor
}

func path(o metav1.Object) string { return o.GetNamespace() + "/" + o.GetName() }

// put creates an object or replaces it. With a resourceVersion it must be the present one.
func (s *server) put(ctx context.Context, verb string, object runtime.Object) (runtime.Object, error) {
	if err := s.enter(ctx, verb); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	object = object.DeepCopyObject()
	accessor := s.accessor(object)
	present, exists := s.objects[path(accessor)]
	switch {
	case verb == "create" && exists:
		return nil, apierrors.NewAlreadyExists(s.resource, accessor.GetName())
	case verb == "update" && !exists:
		return nil, apierrors.NewNotFound(s.resource, accessor.GetName())
	case verb == "update" && s.accessor(present).GetResourceVersion() != accessor.GetResourceVersion():
		return nil, apierrors.NewConflict(s.resource, accessor.GetName(), fmt.Errorf("it was written meanwhile"))
	}
	kind := watch.Added
	if exists {
		kind = watch.Modified
		accessor.SetUID(s.accessor(present).GetUID())
	}
	s.version++
	accessor.SetResourceVersion(strconv.Itoa(s.version))
	accessor.SetUID(cmp.Or(accessor.GetUID(), types.UID(fmt.Sprint("uid-", s.version))))
	s.objects[path(accessor)] = object
	s.append(kind, object)
	return object.DeepCopyObject(), nil
}

// set is put for a test's own changes, which no failure concerns.
func (s *server) set(object runtime.Object) {
	s.mu.Lock()
	fail := s.fail
	s.fail = nil
	s.mu.Unlock()
	if _, err := s.put(s.t.Context(), "set", object); err != nil {
		s.t.Error(err)
	}
	s.failWith(fail)
}

func (s *server) delete(ctx context.Context, key string, options metav1.DeleteOptions) error {
	if err := s.enter(ctx, "delete"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	object, exists := s.objects[key]
	if !exists {
		return apierrors.NewNotFound(s.resource, key)
	}
	accessor := s.accessor(object)
	if p := options.Preconditions; p != nil && (*p.UID != accessor.GetUID() || *p.ResourceVersion != accessor.GetResourceVersion()) {
		return apierrors.NewConflict(s.resource, key, fmt.Errorf("it is another one"))
	}
	delete(s.objects, key)
	s.version++
	object = object.DeepCopyObject()
	s.accessor(object).SetResourceVersion(strconv.Itoa(s.version))
	s.append(watch.Deleted, object)
	return nil
}

func (s *server) append(kind watch.EventType, object runtime.Object) {
	s.log = append(s.log, entry{s.version, watch.Event{Type: kind, Object: object}})
	close(s.grown)
	s.grown = make(chan struct{})
}

// selected reports whether a list or watch with these options shows an object.
func (s *server) selected(object runtime.Object, options metav1.ListOptions) bool {
	selector, err := labels.Parse(options.LabelSelector)
	if err != nil {
		s.t.Error(err)
		return false
	}
	if !selector.Matches(labels.Set(s.accessor(object).GetLabels())) {
		return false
	}
	if !s.sharded || options.ShardSelector == "" {
		return true
	}
	var ranges []sharding.ShardRangeRequirement
	for _, m := range regexp.MustCompile(`shardRange\(([a-z.]+), '(0x[0-9a-f]+)', '(0x[0-9a-f]+)'\)`).FindAllStringSubmatch(options.ShardSelector, -1) {
		ranges = append(ranges, sharding.ShardRangeRequirement{Key: m[1], Start: m[2], End: m[3]})
	}
	matches, err := sharding.NewSelector(ranges...).Matches(object)
	if err != nil {
		s.t.Error(err)
	}
	return matches
}

func (s *server) ListWithContext(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	if err := s.enter(ctx, "list"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	s.asked = append(s.asked, "list "+options.ShardSelector)
	list, items := s.empty.DeepCopyObject(), []runtime.Object{}
	for _, key := range slices.Sorted(keys(s.objects)) {
		if s.selected(s.objects[key], options) {
			items = append(items, s.objects[key].DeepCopyObject())
		}
	}
	about, err := meta.ListAccessor(list)
	if err != nil {
		return nil, err
	}
	about.SetResourceVersion(strconv.Itoa(s.version))
	return list, meta.SetList(list, items)
}

func (s *server) WatchWithContext(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	if err := s.enter(ctx, "watch"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	s.asked = append(s.asked, "watch "+options.ShardSelector)
	var ahead []watch.Event
	from, _ := strconv.Atoi(options.ResourceVersion)
	if options.SendInitialEvents != nil {
		from = s.version
		for _, key := range slices.Sorted(keys(s.objects)) {
			if s.selected(s.objects[key], options) {
				ahead = append(ahead, watch.Event{Type: watch.Added, Object: s.objects[key].DeepCopyObject()})
			}
		}
		end := s.prototype.DeepCopyObject()
		s.accessor(end).SetResourceVersion(strconv.Itoa(from))
		s.accessor(end).SetAnnotations(map[string]string{metav1.InitialEventsAnnotationKey: "true"})
		ahead = append(ahead, watch.Event{Type: watch.Bookmark, Object: end})
	}
	ctx, cancel := context.WithCancel(ctx)
	w := &serverWatch{results: make(chan watch.Event), cancel: cancel}
	go w.run(ctx, s, ahead, from, options)
	return w, nil
}

type serverWatch struct {
	results chan watch.Event
	cancel  context.CancelFunc
}

func (w *serverWatch) ResultChan() <-chan watch.Event { return w.results }
func (w *serverWatch) Stop()                          { w.cancel() }

func (w *serverWatch) run(ctx context.Context, s *server, events []watch.Event, from int, options metav1.ListOptions) {
	defer close(w.results)
	for next := 0; ; {
		for _, event := range events {
			select {
			case <-ctx.Done():
				return
			case w.results <- event:
			}
		}
		events = nil
		s.mu.Lock()
		for ; next < len(s.log); next++ {
			if e := s.log[next]; e.version > from && s.selected(e.event.Object, options) {
				events = append(events, watch.Event{Type: e.event.Type, Object: e.event.Object.DeepCopyObject()})
			}
		}
		grown := s.grown
		s.mu.Unlock()
		if len(events) > 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-grown:
		}
	}
}

func keys(objects map[string]runtime.Object) func(func(string) bool) {
	return func(yield func(string) bool) {
		for key := range objects {
			if !yield(key) {
				return
			}
		}
	}
}

// leases is a server as the client of Leases shows it.
type leases struct {
	coordination.LeaseInterface // what is not needed: panics
	*server
}

func newLeases(t *testing.T) leases {
	return leases{server: newServer(t, "leases", &coordinationv1.Lease{}, &coordinationv1.LeaseList{})}
}

func asLease(object runtime.Object, err error) (*coordinationv1.Lease, error) {
	lease, _ := object.(*coordinationv1.Lease)
	return lease, err
}

func (l leases) Create(ctx context.Context, lease *coordinationv1.Lease, _ metav1.CreateOptions) (*coordinationv1.Lease, error) {
	return asLease(l.put(ctx, "create", lease))
}

func (l leases) Update(ctx context.Context, lease *coordinationv1.Lease, _ metav1.UpdateOptions) (*coordinationv1.Lease, error) {
	return asLease(l.put(ctx, "update", lease))
}

func (l leases) Delete(ctx context.Context, name string, options metav1.DeleteOptions) error {
	return l.delete(ctx, "/"+name, options)
}

func (l leases) Get(ctx context.Context, name string, _ metav1.GetOptions) (*coordinationv1.Lease, error) {
	if err := l.enter(ctx, "get"); err != nil {
		return nil, err
	}
	defer l.mu.Unlock()
	object, exists := l.objects["/"+name]
	if !exists {
		return nil, apierrors.NewNotFound(l.resource, name)
	}
	return asLease(object.DeepCopyObject(), nil)
}

func (l leases) List(ctx context.Context, options metav1.ListOptions) (*coordinationv1.LeaseList, error) {
	object, err := l.ListWithContext(ctx, options)
	list, _ := object.(*coordinationv1.LeaseList)
	return list, err
}

func (l leases) Watch(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	return l.WatchWithContext(ctx, options)
}
