package cli

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/webhook/cli/cluster"
	"github.com/secretgate/secretgate/webhook/cli/explain"
	"github.com/secretgate/secretgate/webhook/cli/shape"
	"github.com/secretgate/secretgate/webhook/internal/command"
)

// batch is objects that are refreshed together.
type batch struct {
	*live

	targets    []found
	token      string // the annotation's value
	everywhere bool   // the user may list the objects of all namespaces together

	mu       sync.Mutex
	outcomes map[objectID]shape.Refreshing // of those that are done
	shown    bool                          // there is a line of progress on the terminal
	moving   bool                          // such a line is wanted
}

// objectID names an object among those of all kinds.
type objectID struct {
	resource, namespace, name string
}

func idOf(k dialect.Kind, o metav1.Object) objectID {
	t := k.Type()
	return objectID{t.Resource + "." + t.Group, o.GetNamespace(), o.GetName()}
}

func newBatch(l *live, targets []found, token string, everywhere bool) *batch {
	return &batch{live: l, targets: targets, token: token, everywhere: everywhere, outcomes: map[objectID]shape.Refreshing{}}
}

// done reports what became of an object.
func (b *batch) done(k dialect.Kind, o dialect.Object, outcome, reason, message string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, before := b.outcomes[idOf(k, o)]; before {
		return
	}
	b.outcomes[idOf(k, o)] = shape.Refreshing{Object: explain.ObjectOf(k, o), Outcome: outcome, Reason: reason, Message: message}
	b.line()
}

func (b *batch) isDone(id objectID) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, done := b.outcomes[id]
	return done
}

// progress begins or ends the line that shows how far it is, where there is a terminal.
func (b *batch) progress(on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.moving = on && command.IsTerminal(b.program.Stderr)
	if on {
		b.line()
	} else if b.shown {
		_, _ = fmt.Fprint(b.program.Stderr, "\r\x1b[K") // a lost line of progress does no harm
	}
}

func (b *batch) line() {
	if b.moving {
		b.shown = true
		_, _ = fmt.Fprintf(b.program.Stderr, "\r%d/%d done …\x1b[K", len(b.outcomes), len(b.targets))
	}
}

// requests is how many are sent at a time.
const requests = 8

// request annotates all objects that can be refreshed.
func (b *batch) request(ctx context.Context) {
	var group sync.WaitGroup
	turns := make(chan struct{}, requests)
	for _, one := range b.targets {
		if p, _ := one.kind.Plan(one.object, nil); p != nil && p.Suspend { // it would be waited for in vain
			b.done(one.kind, one.object, shape.Failed, string(plan.ReasonSuspended), p.Words.Paused)
			continue
		}
		turns <- struct{}{}
		group.Go(func() {
			defer func() { <-turns }()
			err := b.cluster.RequestRefresh(ctx, one.kind, one.object.GetNamespace(), one.object.GetName(), b.token)
			switch {
			case errors.Is(err, cluster.ErrNotFound):
				b.done(one.kind, one.object, shape.Failed, "", "it is deleted")
			case err != nil && ctx.Err() != nil:
				b.done(one.kind, one.object, shape.Failed, "", "interrupted before it was known to be requested")
			case err != nil:
				b.done(one.kind, one.object, shape.Failed, "", err.Error())
			}
		})
	}
	group.Wait()
}

// await follows the objects until all are done, or the time is over.
func (b *batch) await(ctx context.Context, timeout time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	type scope struct{ resource, namespace string }
	groups := map[scope][]found{}
	for _, one := range b.targets {
		id := idOf(one.kind, one.object)
		if b.isDone(id) {
			continue
		}
		at := scope{id.resource, id.namespace}
		if b.everywhere {
			at.namespace = "" // one watch for all
		}
		groups[at] = append(groups[at], one)
	}
	var running sync.WaitGroup
	for at, group := range groups {
		running.Go(func() { b.follow(ctx, at.namespace, group) })
	}
	running.Wait()
}

// follow waits for the objects of one kind and namespace.
func (b *batch) follow(ctx context.Context, namespace string, group []found) {
	pending := map[objectID]bool{}
	for _, one := range group {
		pending[idOf(one.kind, one.object)] = true
	}
	kind, name := group[0].kind, ""
	if len(group) == 1 && namespace != "" {
		name = group[0].object.GetName()
	}
	err := b.cluster.Follow(ctx, kind, namespace, name, func(o dialect.Object, gone bool) bool {
		id := idOf(kind, o)
		if pending[id] && b.settled(kind, o, gone) {
			delete(pending, id)
		}
		return len(pending) == 0
	})
	if err == nil || ctx.Err() != nil {
		return
	}
	for _, one := range group {
		b.done(one.kind, one.object, shape.Failed, "", "it was requested, and whether it was done is not known: "+err.Error())
	}
}

// settled takes what an object's status says, once it is of this request or of a later one.
func (b *batch) settled(k dialect.Kind, o dialect.Object, gone bool) bool {
	record, wanted := k.Status(o).Record(), o.GetAnnotations()[names.AnnotationForceSync]
	switch {
	case gone:
		b.done(k, o, shape.Failed, "", "it was deleted meanwhile")
	case wanted == "" && record.ForceSync != b.token:
		b.done(k, o, shape.Failed, "", "another client removed the annotation "+names.AnnotationForceSync+" before the syncer reported: "+
			"let that client, such as a GitOps tool, leave it alone")
	case record.ForceSync != b.token && record.ForceSync != dialect.ForceSyncOf(k, o): // which may have more than the annotation
		return false
	case record.Ready == metav1.ConditionTrue:
		b.done(k, o, shape.Refreshed, string(record.Reason), "")
	default:
		b.done(k, o, shape.Failed, string(record.Reason), record.Message)
	}
	return true
}

// answer is what became of each object, in the order in which they were named.
func (b *batch) answer(ctx context.Context, waited bool, timeout time.Duration) shape.Refresh {
	b.mu.Lock()
	defer b.mu.Unlock()
	answer := shape.Refresh{Results: []shape.Refreshing{}}
	for _, one := range b.targets {
		result, done := b.outcomes[idOf(one.kind, one.object)]
		if !done {
			result = shape.Refreshing{Object: explain.ObjectOf(one.kind, one.object), Outcome: shape.Requested}
			if waited && ctx.Err() == nil {
				result.Outcome = shape.TimedOut
				result.Message = fmt.Sprintf("no syncer reported it within %s: `%s status` shows whether one runs, and `why` whether it serves "+
					"the object", timeout, Name(b.program.Path))
			}
		}
		answer.Results = append(answer.Results, result)
	}
	return answer
}
