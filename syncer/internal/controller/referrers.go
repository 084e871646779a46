package controller

import (
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/secretgate/secretgate/shared/dialect"
)

// referrers remembers what objects refer to through others, as an object does to what its store names. The cache's index has what they
// refer to themselves. It is as of an object's last attempt. The zero value is ready to use.
type referrers struct {
	mu sync.Mutex
	by map[dialect.Reference]map[types.NamespacedName]struct{}
	of map[types.NamespacedName][]dialect.Reference
}

// set replaces what an object refers to through others.
func (r *referrers) set(object types.NamespacedName, references []dialect.Reference) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.Equal(r.of[object], references) {
		return
	}
	for _, old := range r.of[object] {
		delete(r.by[old], object)
		if len(r.by[old]) == 0 {
			delete(r.by, old)
		}
	}
	delete(r.of, object)
	if len(references) == 0 {
		return
	}
	if r.of == nil {
		r.of, r.by = map[types.NamespacedName][]dialect.Reference{}, map[dialect.Reference]map[types.NamespacedName]struct{}{}
	}
	r.of[object] = references
	for _, reference := range references {
		if r.by[reference] == nil {
			r.by[reference] = map[types.NamespacedName]struct{}{}
		}
		r.by[reference][object] = struct{}{}
	}
}

// list lists the objects that refer to something through others, in any order.
func (r *referrers) list(to dialect.Reference) []types.NamespacedName {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]types.NamespacedName, 0, len(r.by[to]))
	for object := range r.by[to] {
		all = append(all, object)
	}
	return all
}
