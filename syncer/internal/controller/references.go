package controller

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// found is what there is of all that an object refers to. What is missing is left out.
type found struct {
	resolved dialect.Resolved
	// refused are sentences about what the syncer may not read, and what to do.
	refused []string
	// unwatched: some of what is left out is not watched, so that no event says when it comes.
	unwatched bool
}

// references reads what objects refer to.
type references struct {
	kinds       []dialect.StoreKind // that may be referred to
	namespaces  []string            // that the syncer watches; none: all
	cache, live client.Reader
	kept        *liveObjects
	now         func() time.Time
}

func (r *Reconciler) references() references {
	return references{kinds: r.Stores, namespaces: r.Settings.Namespaces, cache: r.Client, live: r.Live, kept: &r.live, now: r.now}
}

// watched reads what is watched of all that an object refers to: it decides who serves the object. wanted is all that the object refers to.
func (r references) watched(ctx context.Context, from func(dialect.Resolved) []dialect.Reference) (
	resolved dialect.Resolved, wanted []dialect.Reference, err error,
) {
	return dialect.Resolve(from, func(wanted []dialect.Reference) (dialect.Resolved, error) {
		resolved := dialect.Resolved{}
		for _, reference := range wanted {
			kind := r.kindOf(reference)
			if kind == nil || unwatched(kind) || !r.watches(kind, reference.Namespace) {
				continue
			}
			object, err := get(ctx, r.cache, kind, reference)
			if err != nil {
				return nil, err
			}
			if object != nil {
				resolved[reference] = object
			}
		}
		return resolved, nil
	})
}

// remember keeps what an object refers to through others, so that their changes bring it here.
func (r *Reconciler) remember(object Object, wanted []dialect.Reference) {
	own := r.Kind.References(object, nil)
	indirect := slices.DeleteFunc(slices.Clone(wanted), func(reference dialect.Reference) bool { return slices.Contains(own, reference) })
	r.referrers.set(client.ObjectKeyFromObject(object), indirect)
}

// watches reports whether the cache has the objects of a kind in a namespace; it answers with an error for others.
func (r references) watches(kind dialect.StoreKind, namespace string) bool {
	watched := dialect.Watched(kind, r.namespaces)
	return namespace == "" || len(watched) == 0 || slices.Contains(watched, namespace)
}

// all reads all that an object refers to, from the cache, or live where it is not watched.
func (r references) all(ctx context.Context, from func(dialect.Resolved) []dialect.Reference) (found, error) {
	var f found
	resolved, _, err := dialect.Resolve(from, func(wanted []dialect.Reference) (dialect.Resolved, error) {
		return r.read(ctx, wanted, &f)
	})
	f.resolved = resolved
	return f, err
}

func (r references) read(ctx context.Context, wanted []dialect.Reference, f *found) (dialect.Resolved, error) {
	resolved := dialect.Resolved{}
	for _, reference := range wanted {
		kind := r.kindOf(reference)
		if kind == nil {
			continue
		}
		if !unwatched(kind) && !r.watches(kind, reference.Namespace) {
			f.refused = append(f.refused, fmt.Sprintf("the syncer does not watch the namespace of %s: add it to its --watched-namespaces "+
				"(WATCHED_NAMESPACES), or refer to one in a namespace that it watches", reference))
			continue
		}
		var object Object
		var err error
		if unwatched(kind) {
			object, err = r.kept.get(ctx, r.live, kind, reference, r.now())
			f.unwatched = f.unwatched || object == nil
		} else {
			object, err = get(ctx, r.cache, kind, reference)
		}
		switch {
		case apierrors.IsForbidden(err):
			f.refused = append(f.refused, mayNotRead(kind.Type(), reference))
		case err != nil:
			return nil, err
		case object != nil:
			resolved[reference] = object
		}
	}
	return resolved, nil
}

// kindOf is the kind of what is referred to; nil: this installation has no such kind.
func (r references) kindOf(of dialect.Reference) dialect.StoreKind {
	i := slices.IndexFunc(r.kinds, func(kind dialect.StoreKind) bool { return kind.Type().GroupKind() == of.Kind })
	if i < 0 {
		return nil
	}
	return r.kinds[i]
}

func unwatched(kind dialect.StoreKind) bool {
	_, is := kind.(dialect.Unwatched)
	return is
}

// get reads what is referred to; nil where it is not there.
func get(ctx context.Context, from client.Reader, kind dialect.StoreKind, of dialect.Reference) (Object, error) {
	object := kind.New()
	err := from.Get(ctx, types.NamespacedName{Namespace: of.Namespace, Name: of.Name}, object)
	if err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return object, nil
}

// mayNotRead says what to do about an object that the syncer may not read.
func mayNotRead(of dialect.Type, reference dialect.Reference) string {
	group := of.Group
	if group == "" {
		group = `""`
	}
	role, where := "Role", "in namespace "+driver.Word(reference.Namespace)+", "
	if reference.Namespace == "" {
		role, where = "ClusterRole", ""
	}
	return fmt.Sprintf("the syncer may not read %s: bind to the syncer's ServiceAccount, %sa %s with the rule "+
		"{apiGroups: [%s], resources: [%s], resourceNames: [%s], verbs: [get]}",
		reference, where, role, group, of.Resource, driver.Word(reference.Name))
}

// What is not watched is read again after a while. Small objects are kept meanwhile, and that they are missing, since many objects may
// refer to one.
const (
	liveFor   = 30 * time.Second
	liveCount = 1000
	liveBytes = 16 << 10
)

// liveObjects keeps what was read live. The zero value is ready to use.
type liveObjects struct {
	mu   sync.Mutex
	read map[dialect.Reference]liveObject
}

type liveObject struct {
	object Object // nil: it was not there, or could not be read
	err    error  // that the syncer may not read it
	at     time.Time
}

// get reads an object, or returns it as it was read a short while ago.
func (l *liveObjects) get(
	ctx context.Context, from client.Reader, kind dialect.StoreKind, of dialect.Reference, now time.Time,
) (Object, error) {
	if known, ok := l.known(of, now); ok {
		return known.object, known.err
	}
	object, err := get(ctx, from, kind, of)
	if err == nil || apierrors.IsForbidden(err) {
		l.keep(of, liveObject{object, err, now})
	}
	return object, err
}

func (l *liveObjects) known(of dialect.Reference, now time.Time) (liveObject, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known, ok := l.read[of]
	return known, ok && now.Sub(known.at) < liveFor
}

func (l *liveObjects) keep(of dialect.Reference, as liveObject) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.read == nil {
		l.read = map[dialect.Reference]liveObject{}
	}
	delete(l.read, of)
	if as.object != nil && !isSmall(as.object) {
		return
	}
	if len(l.read) >= liveCount {
		for other, kept := range l.read {
			if as.at.Sub(kept.at) >= liveFor {
				delete(l.read, other)
			}
		}
	}
	if len(l.read) < liveCount {
		l.read[of] = as
	}
}

// isSmall reports whether an object may be kept. Those of Kubernetes itself know their size.
func isSmall(object Object) bool {
	sized, ok := object.(interface{ Size() int })
	return ok && sized.Size() <= liveBytes
}

// unreadable is for an object that refers to what the syncer may not read. No event says that it may.
func unreadable(refused []string) outcome {
	return outcome{reason: plan.ReasonStoreNotFound, message: shorten(strings.Join(refused, "; ")), retry: true}
}
