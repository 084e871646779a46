// Package controller keeps each ExternalSecret's Secret as its backend has it. One attempt is:
//
//  1. read the object; gone, or another instance's: forget it
//  2. plan: understand the spec, or say all that is wrong with it
//  3. policy: judge the plan by the namespace's annotations
//  4. subscribe to the plan's sources, and ask for them where the object is new, edited, forced or
//     failed; the engine calls again when they have been read, or have changed
//  5. policy once more, and for the names that walks along paths returned
//  6. render the Secret's content
//  7. write the Secret, if it differs
//  8. report: status, event, metrics, and when to come again
//
// A failure at any step leaves the Secret as it is.
package controller

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
	"github.com/secretgate/secretgate/syncer/internal/apply"
	"github.com/secretgate/secretgate/syncer/internal/fetch"
	"github.com/secretgate/secretgate/syncer/internal/metrics"
	"github.com/secretgate/secretgate/syncer/internal/render"
)

// Settings are the installation's choices about syncing.
type Settings struct {
	Policy          policy.Settings
	Defaults        plan.Defaults
	InstanceID      string        // serve only objects whose controllerId equals it
	RefreshInterval time.Duration // of objects that name none
	DisablePolling  bool          // sync on changes of objects only
	StatusHeartbeat time.Duration // how old an unchanged status may grow; 0: as old as it likes
	WatchSecrets    bool          // repair Secrets that others change
	Workers         int           // objects synced at a time
}

// Reconciler syncs one ExternalSecret at a time; it may be called concurrently for different ones.
type Reconciler struct {
	Settings Settings
	Client   client.Client // reads objects and namespace metadata from a cache, Secrets live
	Cache    client.Reader // reads the metadata of managed Secrets
	Live     client.Reader // reads past the cache
	Engine   *fetch.Engine // its Notify and Observe are the Reconciler's
	Writer   *apply.Writer
	Recorder events.EventRecorder
	Metrics  *metrics.Objects
	Owns     func(uid types.UID) bool // whether this replica serves an object; nil: all
	Now      func() time.Time         // nil: time.Now

	memory memory
	lanes  lanes
	queue  queue
}

// Reconcile makes one attempt and reports on it.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	es := &apiv1.ExternalSecret{}
	err := r.Client.Get(ctx, request.NamespacedName, es)
	switch {
	case apierrors.IsNotFound(err), err == nil && !r.serves(es):
		r.Engine.Unsubscribe(request.NamespacedName)
		r.Metrics.Forget(request.NamespacedName)
		r.memory.forget(request.NamespacedName)
		return reconcile.Result{}, nil
	case err != nil:
		return reconcile.Result{}, err
	case es.DeletionTimestamp != nil:
		r.Engine.Unsubscribe(request.NamespacedName)
		return reconcile.Result{}, nil // the garbage collector takes what is owned
	}
	r.memory.catchUp(es)
	p, errs := plan.From(es, r.Settings.Defaults)
	if p == nil {
		return r.finish(ctx, es, nil, r.refuse(request.NamespacedName, invalid(errs)))
	}
	if o, permitted := r.admit(ctx, p); !permitted {
		return r.finish(ctx, es, p, r.refuse(p.Object, o))
	}
	wait := r.ask(ctx, es, p)
	switch result, state := r.Engine.Take(p.Object); state {
	case fetch.Ready:
		r.memory.owe(p.Object, r.now()) // until it is known what came of it
		return r.finish(ctx, es, p, r.sync(ctx, es, p, result))
	case fetch.Pending:
		return reconcile.Result{RequeueAfter: wait}, nil
	default:
		beat, err := r.beat(ctx, es, p)
		return reconcile.Result{RequeueAfter: sooner(wait, beat)}, err
	}
}

// refuse stops reading for an object. Once it is admitted again, it is as if it were new.
func (r *Reconciler) refuse(object types.NamespacedName, o outcome) outcome {
	r.Engine.Unsubscribe(object)
	r.memory.abandon(object)
	return o
}

// ask subscribes the object to its sources, and has them read now where it must be. It returns how
// long a refresh that was forced too often must wait.
func (r *Reconciler) ask(ctx context.Context, es *apiv1.ExternalSecret, p *plan.Plan) time.Duration {
	now, interval := r.now(), r.interval(p)
	r.Engine.Subscribe(p, interval, overdue(es.Status, interval, r.Settings.StatusHeartbeat, now))
	last, owed := r.memory.recall(p.Object, now)
	intact := last.uid == p.UID || es.Status.SecretResourceVersion == "" || r.intact(ctx, es, p)
	walkPolicy := r.walkPolicy(ctx, p)
	w := decide(p, facts{last: last, status: es.Status, owed: owed, intact: intact, walkPolicy: walkPolicy})
	if w.forced {
		if wait := r.memory.mayForce(p.Object, now); wait > 0 {
			return wait
		}
	}
	if w.ask || last.uid != p.UID {
		r.memory.begin(p.Object, attemptOf(p, walkPolicy))
	}
	if w.ask {
		r.Engine.Ask(p.Object, w.lane, w.fresh)
	}
	return 0
}

// sync does steps 5 to 7.
func (r *Reconciler) sync(ctx context.Context, es *apiv1.ExternalSecret, p *plan.Plan, result fetch.Result) outcome {
	entries := entryStatuses(p, result)
	if len(result.Failures) > 0 {
		return unread(p, result.Failures, entries)
	}
	if o, permitted := r.judge(ctx, p); !permitted {
		return r.refuse(p.Object, o)
	}
	if o, permitted := r.judgeWalked(ctx, p, result.Values); !permitted {
		return o // it goes on being read: the next walk may find other names
	}
	secret, errs := render.Render(p, result.Values)
	if len(errs) > 0 {
		return unrendered(errs, entries)
	}
	r.memory.startWrite(p.Object)
	written, err := r.Writer.Write(ctx, apply.Request{
		Owner:    apply.Owner{Namespace: p.Object.Namespace, Name: p.Object.Name, UID: p.UID, DeletionPolicy: p.DeletionPolicy},
		Content:  secret,
		Expected: es.Status.SecretResourceVersion != "",
		Adopt:    p.AdoptExisting && r.adoptPermitted(ctx, p.Object.Namespace),
	})
	overtaken := r.memory.endWrite(p.Object, written.ResourceVersion)
	if err != nil {
		return unwritten(err, entries)
	}
	return synced(written, entries, overtaken)
}

// interval is how often an object's sources are read without a change of its own; 0: never.
func (r *Reconciler) interval(p *plan.Plan) time.Duration {
	switch {
	case r.Settings.DisablePolling, p.Refresh.Never:
		return 0
	case p.Refresh.Interval > 0:
		return p.Refresh.Interval
	}
	return r.Settings.RefreshInterval
}

// intact tells whether the Secret is as it was left, as far as that can be known for little. Where Secrets are not
// watched, those of objects that are refreshed are looked at with the next refresh.
func (r *Reconciler) intact(ctx context.Context, es *apiv1.ExternalSecret, p *plan.Plan) bool {
	if !r.Settings.WatchSecrets && r.interval(p) > 0 {
		return true
	}
	same := func(reader client.Reader) bool {
		secret := &metav1.PartialObjectMetadata{}
		secret.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
		err := reader.Get(ctx, p.Object, secret)
		return err == nil && secret.ResourceVersion == es.Status.SecretResourceVersion
	}
	// After a hand-over the cache of Secrets may be behind that of objects.
	return r.Settings.WatchSecrets && same(r.Cache) || same(r.Live)
}

func (r *Reconciler) now() time.Time {
	if r.Now != nil {
		return r.Now()
	}
	return time.Now()
}
