// Package controller keeps each object's Secret in sync with its backends: objects of several kinds, each with a Reconciler of its
// own, and all with one engine. One attempt is:
//
//  1. read the object; forget it if it is gone, or another instance's
//  2. plan: parse the spec and what it refers to, or list everything that is wrong with it
//  3. policy: judge the plan by the namespace's annotations
//     and leave it alone while it is to complete a Secret that does not exist
//  4. subscribe to the plan's sources, and request a read where the object is new, edited, forced or failed; the engine
//     notifies when they have been read, or have changed
//  5. policy once more, and for the names that walks along paths returned
//  6. open what the object holds sealed, and render the Secret's content
//  7. write the Secret, if it differs; remove the old one, where the object has renamed its Secret
//  8. report: status, event, metrics, and the time of the next attempt
//
// A failure at any step leaves the Secret as it is.
package controller

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/fair"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
	"github.com/secretgate/secretgate/syncer/internal/apply"
	"github.com/secretgate/secretgate/syncer/internal/fetch"
	"github.com/secretgate/secretgate/syncer/internal/metrics"
	"github.com/secretgate/secretgate/syncer/internal/render"
)

// maxRender is how long one Secret's content may take to make: that of the largest objects takes a second.
const maxRender = 10 * time.Second

// smallRender is how many bytes of values are rendered in negligible time.
const smallRender = 64 << 10

// Settings are the installation's choices about syncing one kind.
type Settings struct {
	Name            string // of the controller, in logs and metrics
	Policy          policy.Settings
	RefreshInterval time.Duration // of objects without one
	DisablePolling  bool          // sync on changes of objects only
	StatusHeartbeat time.Duration // how old an unchanged status may become; 0: no limit
	WatchSecrets    bool          // repair Secrets that others change
	Workers         int           // objects synced at a time
	Namespaces      []string      // those that are watched; empty: all
	// Tenancies are the backends that learn on whose behalf they are read.
	Tenancies map[plan.Backend]plan.Tenancy
}

// Metrics measure attempts, by object.
type Metrics interface {
	Observe(attempt metrics.Attempt)
	Took(object types.NamespacedName, took time.Duration)
	Forget(object types.NamespacedName)
}

// Reconciler syncs one object at a time; it may be called concurrently for different ones.
type Reconciler struct {
	Kind     dialect.Kind
	Stores   []dialect.StoreKind // that its objects may refer to
	Takeover Takeover            // nil: there is nothing to take over
	Settings Settings
	Client   client.Client // reads objects and namespace metadata from a cache, Secrets live
	Cache    client.Reader // reads the metadata of managed Secrets
	Live     client.Reader // reads past the cache
	Engine   *fetch.Engine
	Writer   *apply.Writer
	Recorder events.EventRecorder
	// Templates renders the templates of objects that have some.
	Templates render.Templates
	// Opener opens what objects hold sealed; nil: there is nothing to open it with.
	Opener  render.Opener
	Metrics Metrics
	Owns    func(uid types.UID) bool // whether this replica serves an object; nil: all
	Now     func() time.Time         // nil: time.Now

	states    objectStates
	referrers referrers
	live      liveObjects
	renders   fair.Turns // of large values
	opens     fair.Turns // of objects with many sealed values
	storage   priorityQueue
	queue     queue
	retries   signal
}

// Reconcile makes one attempt and reports on it.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	begin := r.now()
	defer func() { r.Metrics.Took(request.NamespacedName, r.now().Sub(begin)) }()
	return r.reconcile(ctx, request)
}

func (r *Reconciler) reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	id, object := r.id(request.NamespacedName), r.Kind.New()
	err := r.Client.Get(ctx, request.NamespacedName, object)
	switch {
	case apierrors.IsNotFound(err):
		r.forget(id)
		r.referrers.set(request.NamespacedName, nil)
		return reconcile.Result{}, nil
	case err != nil:
		return reconcile.Result{}, err
	}
	stores, wanted, err := r.references().watched(ctx, dialect.ReferencesOf(r.Kind, object))
	if err != nil {
		return reconcile.Result{}, err
	}
	r.remember(object, wanted)
	switch {
	case !r.Kind.Serves(object, stores):
		r.forget(id)
		r.Metrics.Observe(metrics.Attempt{Object: request.NamespacedName, Unserved: true})
		return reconcile.Result{}, nil
	case object.GetDeletionTimestamp() != nil:
		r.Engine.Unsubscribe(id)
		r.Metrics.Forget(request.NamespacedName) // others' finalizers may hold it for long
		_, err := r.finishTakeover(ctx, object)  // the garbage collector takes what is owned
		return reconcile.Result{}, err
	}
	if newer, is := r.states.newer(object); is {
		r.Kind.Status(object).Put(newer)
	}
	return r.attempt(ctx, object)
}

// attempt does the steps after the first.
func (r *Reconciler) attempt(ctx context.Context, object Object) (next reconcile.Result, err error) {
	name := client.ObjectKeyFromObject(object)
	id := r.id(name)
	found, err := r.references().all(ctx, dialect.ReferencesOf(r.Kind, object))
	if err != nil {
		return reconcile.Result{}, err
	}
	p, errs := dialect.ValidPlan(r.Kind, object, found.resolved)
	if p == nil {
		return r.finish(ctx, object, nil, r.refuse(id, unplanned(errs, found)))
	}
	p.Attribute(r.Settings.Tenancies)
	_, remains := p.Refresh.Windows.Open(r.now())
	defer func() { next.RequeueAfter = sooner(next.RequeueAfter, remains) }() // when refreshes begin or end
	if o, permitted := r.admit(ctx, p); !permitted {
		return r.finish(ctx, object, p, r.refuse(id, o))
	}
	if r.awaitsSecret(ctx, p) {
		return r.finish(ctx, object, p, r.refuse(id, secretMissing(p)))
	}
	wait := r.requestRead(ctx, object, p)
	switch result, state := r.Engine.Collect(p.Object); state {
	case fetch.Ready:
		r.states.setRetryAt(name, r.now()) // in case that this attempt does not end
		return r.finish(ctx, object, p, r.sync(ctx, object, p, result))
	case fetch.Pending:
		return reconcile.Result{RequeueAfter: wait}, nil
	default:
		nextHeartbeat, err := r.writeHeartbeat(ctx, object, p)
		return reconcile.Result{RequeueAfter: sooner(wait, nextHeartbeat)}, err
	}
}

func (r *Reconciler) forget(object plan.ID) {
	r.Engine.Unsubscribe(object)
	r.Metrics.Forget(object.NamespacedName)
	r.states.forget(object.NamespacedName)
}

// refuse stops the reads for an object. Once it is admitted again, it is treated as new.
func (r *Reconciler) refuse(object plan.ID, o outcome) outcome {
	r.Engine.Unsubscribe(object)
	r.states.reset(object.NamespacedName)
	return o
}

// requestRead subscribes the object to its sources, and has them read now where that is necessary. It returns how long a retry, or
// a refresh that was forced too often, must wait.
func (r *Reconciler) requestRead(ctx context.Context, object Object, p *plan.Plan) time.Duration {
	now, interval, record, name := r.now(), r.interval(p), r.record(object), p.Object.NamespacedName
	r.Engine.Subscribe(p, interval, overdue(record, interval, r.Settings.StatusHeartbeat, now))
	last, retryDue := r.states.lastAttempt(name, now)
	intact := last.uid == p.UID || r.intact(ctx, record, p)
	next := attemptOf(p, r.walkPolicy(ctx, p))
	waits := r.states.wait(name, now)
	t := decide(p, observed{
		last: last, next: next, record: record, retryDue: retryDue, waits: waits > 0, intact: intact, forcer: alwaysForces(p, object),
	})
	if (t.edited || t.forced) && len(p.Sources()) > 0 { // else nothing is billed
		if wait := r.states.mayRead(name, t.forced, now); wait > 0 {
			return sooner(wait, waits)
		}
	}
	if t.read || last.uid != p.UID {
		r.states.startAttempt(name, next)
	}
	if t.read {
		r.Engine.Request(p.Object, t.priority, t.fresh)
	}
	return r.states.wait(name, now)
}

// sync does steps 5 to 7.
func (r *Reconciler) sync(ctx context.Context, object Object, p *plan.Plan, result fetch.Result) outcome {
	if result.TooLarge {
		return tooLarge(p)
	}
	entries := entriesOf(p, result)
	if len(result.Failures) > 0 {
		return unread(p, result.Failures, entries)
	}
	if o, permitted := r.checkPolicy(ctx, p); !permitted {
		return r.refuse(p.Object, o)
	}
	if o, permitted := r.checkWalkedNames(ctx, p, result.Values); !permitted {
		return o // the subscription stays: the next walk may find other names
	}
	opened, errs := r.open(ctx, p)
	if len(errs) > 0 {
		return unopened(errs, entries)
	}
	secret, errs := r.render(ctx, p, result.Values, opened)
	if len(errs) > 0 {
		return unrendered(errs, entries)
	}
	return r.write(ctx, object, p, secret, entries, absentOf(p, result.Values))
}

// render makes the Secret's content. Large values are rendered one object at a time: each may occupy a processor for a second, and
// all others would wait for their turn among them.
func (r *Reconciler) render(
	ctx context.Context, p *plan.Plan, values render.Values, opened render.Opened,
) (*render.Secret, []*render.Error) {
	if values.Bytes()+opened.Bytes() > smallRender {
		if end, err := r.renders.Acquire(ctx, p.Object.Namespace); err == nil {
			defer end()
		} // else ctx has ended, as Render says
	}
	inTime, cancel := context.WithTimeout(ctx, maxRender)
	defer cancel()
	return render.Render(inTime, p, values, opened, r.Templates)
}

// interval is how often an object's sources are refreshed now; 0: not at all.
func (r *Reconciler) interval(p *plan.Plan) time.Duration {
	open, _ := p.Refresh.Windows.Open(r.now())
	switch {
	case r.Settings.DisablePolling, p.Refresh.Never, p.Refresh.Once, !open:
		return 0
	case p.Refresh.Interval > 0:
		return p.Refresh.Interval
	}
	return r.Settings.RefreshInterval
}

// intact reports whether the Secret is as it was last written, as far as a cheap check can know. Where Secrets are not watched,
// those of objects with an interval are compared at the next refresh. Where the status has no place for what was written, a Secret that
// should be there is intact if it is.
func (r *Reconciler) intact(ctx context.Context, record plan.Record, p *plan.Plan) bool {
	switch version := record.SecretResourceVersion; {
	case version == "" && !made(record), !r.Settings.WatchSecrets && r.interval(p) > 0:
		return true
	case version == "":
		return r.secretExists(ctx, p)
	default:
		same := func(from client.Reader) bool {
			found, err := r.secretVersion(ctx, from, p)
			return err == nil && found == version
		}
		// After objects have moved between replicas, the cache of Secrets may be behind that of objects.
		return r.Settings.WatchSecrets && same(r.Cache) || same(r.Live)
	}
}

func (r *Reconciler) now() time.Time {
	if r.Now != nil {
		return r.Now()
	}
	return time.Now()
}
