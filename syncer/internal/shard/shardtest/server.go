// Package shardtest keeps objects in memory as an API server does, for the tests of sharding: they run in fake time, where a real one
// cannot.
package shardtest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/sharding"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

// Server keeps objects of one resource in memory as an API server does: with resourceVersions, conflicts,
// preconditions, selectors, and watches that replay what came after a version.
type Server struct {
	t         *testing.T
	Resource  schema.GroupResource
	Prototype runtime.Object
	empty     runtime.Object // list
	Sharded   bool           // knows ListOptions.ShardSelector

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

// NewServer makes a server of one resource. empty is a list without items.
func NewServer(t *testing.T, resource string, prototype, empty runtime.Object) *Server {
	return &Server{t: t, Resource: schema.GroupResource{Resource: resource}, Prototype: prototype, empty: empty,
		objects: map[string]runtime.Object{}, grown: make(chan struct{})}
}

// FailWith has requests fail with what a function returns for their verb; nil: none fails.
func (s *Server) FailWith(fail func(verb string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = fail
}

// enter begins a request; the lock is held where it succeeds.
func (s *Server) enter(ctx context.Context, verb string) error {
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

func (s *Server) accessor(object runtime.Object) metav1.Object {
	accessor, err := meta.Accessor(object)
	if err != nil {
		s.t.Error(err)
	}
	return accessor
}

func path(o metav1.Object) string { return o.GetNamespace() + "/" + o.GetName() }

// put creates an object or replaces it. With a resourceVersion it must be the present one.
func (s *Server) put(ctx context.Context, verb string, object runtime.Object) (runtime.Object, error) {
	if err := s.enter(ctx, verb); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	object = object.DeepCopyObject()
	accessor := s.accessor(object)
	present, exists := s.objects[path(accessor)]
	switch {
	case verb == "create" && exists:
		return nil, apierrors.NewAlreadyExists(s.Resource, accessor.GetName())
	case verb == "update" && !exists:
		return nil, apierrors.NewNotFound(s.Resource, accessor.GetName())
	case verb == "update" && s.accessor(present).GetResourceVersion() != accessor.GetResourceVersion():
		return nil, apierrors.NewConflict(s.Resource, accessor.GetName(), fmt.Errorf("it was written meanwhile"))
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

// Set is put for a test's own changes, which no failure concerns.
func (s *Server) Set(object runtime.Object) {
	s.mu.Lock()
	fail := s.fail
	s.fail = nil
	s.mu.Unlock()
	if _, err := s.put(s.t.Context(), "set", object); err != nil {
		s.t.Error(err)
	}
	s.FailWith(fail)
}

// Delete deletes an object, by namespace/name.
func (s *Server) Delete(ctx context.Context, key string, options metav1.DeleteOptions) error {
	if err := s.enter(ctx, "delete"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	object, exists := s.objects[key]
	if !exists {
		return apierrors.NewNotFound(s.Resource, key)
	}
	accessor := s.accessor(object)
	if p := options.Preconditions; p != nil && (*p.UID != accessor.GetUID() || *p.ResourceVersion != accessor.GetResourceVersion()) {
		return apierrors.NewConflict(s.Resource, key, fmt.Errorf("it is another one"))
	}
	delete(s.objects, key)
	s.version++
	object = object.DeepCopyObject()
	s.accessor(object).SetResourceVersion(strconv.Itoa(s.version))
	s.append(watch.Deleted, object)
	return nil
}

func (s *Server) append(kind watch.EventType, object runtime.Object) {
	s.log = append(s.log, entry{s.version, watch.Event{Type: kind, Object: object}})
	close(s.grown)
	s.grown = make(chan struct{})
}

// selected reports whether a list or watch with these options shows an object.
func (s *Server) selected(object runtime.Object, options metav1.ListOptions) bool {
	selector, err := labels.Parse(options.LabelSelector)
	if err != nil {
		s.t.Error(err)
		return false
	}
	if !selector.Matches(labels.Set(s.accessor(object).GetLabels())) {
		return false
	}
	if !s.Sharded || options.ShardSelector == "" {
		return true
	}
	var ranges []sharding.ShardRangeRequirement
	term := regexp.MustCompile(`shardRange\(([a-z.]+), '(0x[0-9a-f]+)', '(0x[0-9a-f]+)'\)`)
	for _, m := range term.FindAllStringSubmatch(options.ShardSelector, -1) {
		ranges = append(ranges, sharding.ShardRangeRequirement{Key: m[1], Start: m[2], End: m[3]})
	}
	matches, err := sharding.NewSelector(ranges...).Matches(object)
	if err != nil {
		s.t.Error(err)
	}
	return matches
}

// ListWithContext implements cache.ListerWithContext.
func (s *Server) ListWithContext(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	if err := s.enter(ctx, "list"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	s.asked = append(s.asked, "list "+options.ShardSelector)
	list, items := s.empty.DeepCopyObject(), []runtime.Object{}
	for _, key := range slices.Sorted(maps.Keys(s.objects)) {
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

// WatchWithContext implements cache.WatcherWithContext.
func (s *Server) WatchWithContext(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	if err := s.enter(ctx, "watch"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	s.asked = append(s.asked, "watch "+options.ShardSelector)
	var ahead []watch.Event
	from, _ := strconv.Atoi(options.ResourceVersion)
	if options.SendInitialEvents != nil {
		from = s.version
		for _, key := range slices.Sorted(maps.Keys(s.objects)) {
			if s.selected(s.objects[key], options) {
				ahead = append(ahead, watch.Event{Type: watch.Added, Object: s.objects[key].DeepCopyObject()})
			}
		}
		end := s.Prototype.DeepCopyObject()
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

// ResultChan implements watch.Interface.
func (w *serverWatch) ResultChan() <-chan watch.Event { return w.results }

// Stop implements watch.Interface.
func (w *serverWatch) Stop() { w.cancel() }

func (w *serverWatch) run(ctx context.Context, s *Server, events []watch.Event, from int, options metav1.ListOptions) {
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

// Requests are verb and shard selector of each list and watch so far.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// Keys are the namespaces and names of all objects.
func (s *Server) Keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.objects))
}
