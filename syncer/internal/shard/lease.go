package shard

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
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

// LabelRing on a Lease names the ring that its replica belongs to.
const LabelRing = names.ReservedPrefix + "ring"

// requestTimeout bounds one call, so that an API server that hangs is asked again before a Lease ends.
const requestTimeout = 4 * time.Second

// RingName names the replicas that share work: those of which everything is the same that decides which objects they see and
// serve. Others would leave each other's unserved.
func RingName(parts []string) string {
	parts = slices.Compact(slices.Sorted(slices.Values(parts)))
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", parts))
	return hex.EncodeToString(sum[:5])
}

// ReplicaName is the name to use where none is set. A pod's hostname is its own, and the same after
// its container is restarted, which then goes on with its Lease. Elsewhere several processes may share a
// host, so a random suffix keeps them apart.
func ReplicaName(hostname string, inPod bool) string {
	name := regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(hostname), "-")
	if !inPod {
		name = name[:min(len(name), 40)] + "-" + strings.ToLower(rand.Text()[:6])
	}
	return strings.Trim(name[:min(len(name), 63)], "-")
}

// ownLease is this replica's own Lease. It is used by one goroutine.
type ownLease struct {
	client   coordination.LeaseInterface
	ring     string
	name     string
	identity string // of this process
	held     *coordinationv1.Lease

	lost            bool   // another client deleted or wrote the Lease while this process held it
	duplicateHolder string // the other process that did; empty: none
	reported        bool   // duplicateHolder was logged
}

func newLease(client coordination.LeaseInterface, ring, replica string) *ownLease {
	return &ownLease{
		client: client, ring: ring,
		name:     "secretgate-syncer-" + ring + "-" + replica,
		identity: replica + "_" + strings.ToLower(rand.Text()[:8]),
	}
}

// renew creates the Lease, takes it over from an earlier process of the same name, or renews it.
func (l *ownLease) renew(ctx context.Context, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	err := l.write(ctx, now)
	if l.held != nil && (apierrors.IsNotFound(err) || apierrors.IsConflict(err)) {
		l.held, l.lost = nil, true
		err = l.write(ctx, now)
	}
	return err
}

func (l *ownLease) write(ctx context.Context, now time.Time) error {
	next := l.desired(now)
	if l.held == nil {
		created, err := l.client.Create(ctx, next, metav1.CreateOptions{FieldManager: names.FieldManager})
		if err == nil {
			l.held = created
		}
		if !apierrors.IsAlreadyExists(err) {
			return err
		}
		existing, err := l.client.Get(ctx, l.name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if holder := existing.Spec.HolderIdentity; l.lost && holder != nil && *holder != l.identity {
			l.duplicateHolder = *holder
		}
		next.ResourceVersion = existing.ResourceVersion
	} else {
		next.ResourceVersion = l.held.ResourceVersion
	}
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
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: &l.identity, LeaseDurationSeconds: &seconds, RenewTime: &renewed},
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
