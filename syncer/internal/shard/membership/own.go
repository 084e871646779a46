package membership

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/syncer/internal/shard/lease"
)

// LabelRing on a Lease names the ring that its holder belongs to.
const LabelRing = names.ReservedPrefix + "ring"

// requestTimeout bounds one call, so that an API server that hangs is asked again before a Lease ends.
const requestTimeout = 4 * time.Second

// ownLease is this process's Lease. One goroutine at a time uses it. (client-go's LeaseLock would write it, too, but cannot delete it,
// and keeps what a deletion needs to itself.)
type ownLease struct {
	client coordination.LeaseInterface
	ring   string
	name   string
	holder string // this process
	held   *coordinationv1.Lease
}

func newOwnLease(client coordination.LeaseInterface, ring, replica string) *ownLease {
	return &ownLease{
		client: client, ring: ring, name: leaseName(ring, replica),
		holder: replica + "_" + strings.ToLower(rand.Text()[:8]),
	}
}

// renewal is what became of an attempt to renew the Lease.
type renewal struct {
	began     time.Time
	err       error
	former    string // the process that it was taken over from; empty: none
	resumed   bool   // it was live when it was taken over, so that to the other members nothing has changed
	duplicate string // another process that renews it, too; empty: none
}

// renew creates the Lease, takes it over from an earlier process of the same name, or renews it.
func (l *ownLease) renew(ctx context.Context, now time.Time) renewal {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	if l.held == nil {
		return l.create(ctx, now)
	}
	err := l.update(ctx, l.held.ResourceVersion, now)
	if !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return renewal{began: now, err: err}
	}
	l.held = nil // another client deleted or wrote it
	r := l.create(ctx, now)
	r.duplicate = r.former
	return r
}

// create creates the Lease. One that is there it takes over.
func (l *ownLease) create(ctx context.Context, now time.Time) renewal {
	created, err := l.client.Create(ctx, l.desired(now), metav1.CreateOptions{FieldManager: names.FieldManager})
	if apierrors.IsAlreadyExists(err) {
		return l.takeOver(ctx, now)
	}
	if err == nil {
		l.held = created
	}
	return renewal{began: now, err: err}
}

func (l *ownLease) takeOver(ctx context.Context, now time.Time) renewal {
	r := renewal{began: now}
	existing, err := l.client.Get(ctx, l.name, metav1.GetOptions{})
	if err != nil {
		r.err = err
		return r
	}
	if holder := existing.Spec.HolderIdentity; holder != nil && *holder != l.holder {
		r.former = *holder
	}
	renewed := existing.Spec.RenewTime // by the clock of this pod's node, as now is
	r.resumed = renewed != nil && now.Sub(renewed.Time) < lease.Duration
	r.err = l.update(ctx, existing.ResourceVersion, now)
	return r
}

func (l *ownLease) update(ctx context.Context, resourceVersion string, now time.Time) error {
	next := l.desired(now)
	next.ResourceVersion = resourceVersion
	updated, err := l.client.Update(ctx, next, metav1.UpdateOptions{FieldManager: names.FieldManager})
	if err == nil {
		l.held = updated
	}
	return err
}

func (l *ownLease) desired(now time.Time) *coordinationv1.Lease {
	seconds, renewed := int32(lease.Duration/time.Second), metav1.NewMicroTime(now)
	return &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: l.name, Labels: map[string]string{LabelRing: l.ring}},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: &l.holder, LeaseDurationSeconds: &seconds, RenewTime: &renewed},
	}
}

// release deletes the Lease, unless another process has it now.
func (l *ownLease) release(ctx context.Context) error {
	if l.held == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	err := l.client.Delete(ctx, l.name, exactly(l.held.UID, l.held.ResourceVersion))
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return err
}

// exactly are the preconditions that an object is still as it was last seen.
func exactly(uid types.UID, resourceVersion string) metav1.DeleteOptions {
	return metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &resourceVersion}}
}

// refused reports whether an API server says that Leases cannot be had: the namespace does not exist, or
// RBAC or a quota forbids. An API server that does not answer is another matter.
func refused(err error) bool { return apierrors.IsForbidden(err) || apierrors.IsNotFound(err) }
