package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/tests/bench/world"
	"github.com/secretgate/secretgate/tests/harness"
)

const (
	// sharing is one in how many objects that read a source together with others; sharedSources is how many such there are.
	sharing, sharedSources = 10, 20
	// nothing is a policy that no key of ours fits.
	nothing = "nothing/.*"
)

// editor changes objects, sources, Secrets and policies at random. It is the only one who does, so it knows what should be.
type editor struct {
	world   *world.World
	random  *rand.Rand
	wanted  int // objects
	objects []world.Object
	made    int // objects ever
	denied  map[string]bool

	rotated, edited, created, deleted, tampered, policies atomic.Int64
}

func newEditor(w *world.World, seed uint64, objects int) *editor {
	e := &editor{world: w, random: rand.New(rand.NewPCG(seed, 1)), wanted: objects, denied: map[string]bool{}}
	for range objects {
		e.objects = append(e.objects, e.object())
	}
	return e
}

// object invents one more.
func (e *editor) object() world.Object {
	id := fmt.Sprintf("app-%06d", e.made)
	o := world.Object{NamespacedName: types.NamespacedName{Namespace: world.NamespaceName(e.made), Name: id}, Source: e.source(id)}
	e.made++
	return o
}

func (e *editor) source(own string) string {
	if e.random.IntN(sharing) == 0 {
		return fmt.Sprintf("bench/shared-%d", e.random.IntN(sharedSources))
	}
	return "bench/" + own
}

// run makes so many changes a second until ctx ends.
func (e *editor) run(ctx context.Context, rate int) error {
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
		// What is begun is brought to its end, so that the editor knows what is stored.
		if err := e.change(context.WithoutCancel(ctx), n%(30*rate) == 0); err != nil {
			return fmt.Errorf("the editor: %w", err)
		}
	}
}

func (e *editor) change(ctx context.Context, policy bool) error {
	if policy {
		return e.flip(ctx, world.NamespaceName(e.random.IntN(world.Namespaces)))
	}
	at := e.random.IntN(len(e.objects))
	switch dice := e.random.IntN(100); {
	case dice < 50:
		e.rotated.Add(1)
		return e.world.Put(e.objects[at].Source)
	case dice < 70:
		e.edited.Add(1)
		return e.edit(ctx, &e.objects[at])
	case dice < 94:
		return e.comeOrGo(ctx, at)
	default:
		return e.tamper(ctx, e.objects[at])
	}
}

// flip forbids a namespace everything, or permits it again.
func (e *editor) flip(ctx context.Context, namespace string) error {
	e.policies.Add(1)
	return e.deny(ctx, namespace, !e.denied[namespace])
}

func (e *editor) deny(ctx context.Context, namespace string, denied bool) error {
	var pattern *string
	if denied {
		pattern = new(nothing)
	}
	e.denied[namespace] = denied
	return e.world.Annotate(ctx, namespace, names.AnnotationPermittedKeyName, pattern)
}

// edit changes what an object asks for: a third entry, or another source.
func (e *editor) edit(ctx context.Context, o *world.Object) error {
	if e.random.IntN(2) == 0 {
		o.Copy = !o.Copy
	} else {
		o.Source = e.source(o.Name)
		if err := e.world.Put(o.Source); err != nil {
			return err
		}
	}
	return e.world.Edit(ctx, *o)
}

// comeOrGo keeps the number of objects about what is wanted.
func (e *editor) comeOrGo(ctx context.Context, at int) error {
	more := e.random.IntN(2) == 0
	switch slack := max(e.wanted/20, 1); {
	case len(e.objects) < e.wanted-slack:
		more = true
	case len(e.objects) > e.wanted+slack:
		more = false
	}
	if more {
		e.created.Add(1)
		o := e.object()
		e.objects = append(e.objects, o)
		return e.world.Furnish(ctx, o)
	}
	e.deleted.Add(1)
	o := e.objects[at]
	last := len(e.objects) - 1
	e.objects[at] = e.objects[last]
	e.objects = e.objects[:last]
	return e.world.Delete(ctx, o)
}

// tamper changes or deletes a Secret behind the syncer's back. A Secret that there is not (its object is new) stays so.
func (e *editor) tamper(ctx context.Context, o world.Object) error {
	e.tampered.Add(1)
	method, body := http.MethodDelete, []byte(nil)
	if e.random.IntN(2) == 0 {
		method, body = http.MethodPatch, []byte(`{"data":{"password":"dGFtcGVyZWQ=","more":"dGFtcGVyZWQ="}}`)
	}
	err := e.world.Client.Do(ctx, method, o.SecretPath(), harness.MergePatch, body, nil)
	if _, refused := errors.AsType[*harness.Refused](err); refused {
		return nil
	}
	return err
}

func (e *editor) String() string {
	return fmt.Sprintf("rotated %d, edited %d, created %d, deleted %d, tampered with %d, policies %d",
		e.rotated.Load(), e.edited.Load(), e.created.Load(), e.deleted.Load(), e.tampered.Load(), e.policies.Load())
}
