package shardtest

import (
	"context"
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"
)

// Leases is a server as the client of Leases shows it.
type Leases struct {
	coordination.LeaseInterface // what is not needed: panics
	*Server
}

// NewLeases makes a server of Leases.
func NewLeases(t *testing.T) Leases {
	return Leases{Server: NewServer(t, "leases", &coordinationv1.Lease{}, &coordinationv1.LeaseList{})}
}

func asLease(object runtime.Object, err error) (*coordinationv1.Lease, error) {
	lease, _ := object.(*coordinationv1.Lease)
	return lease, err
}

// Create implements coordination.LeaseInterface.
func (l Leases) Create(ctx context.Context, lease *coordinationv1.Lease, _ metav1.CreateOptions) (*coordinationv1.Lease, error) {
	return asLease(l.put(ctx, "create", lease))
}

// Update implements coordination.LeaseInterface.
func (l Leases) Update(ctx context.Context, lease *coordinationv1.Lease, _ metav1.UpdateOptions) (*coordinationv1.Lease, error) {
	return asLease(l.put(ctx, "update", lease))
}

// Delete implements coordination.LeaseInterface.
func (l Leases) Delete(ctx context.Context, name string, options metav1.DeleteOptions) error {
	return l.Server.Delete(ctx, "/"+name, options)
}

// Get implements coordination.LeaseInterface.
func (l Leases) Get(ctx context.Context, name string, _ metav1.GetOptions) (*coordinationv1.Lease, error) {
	if err := l.enter(ctx, "get"); err != nil {
		return nil, err
	}
	defer l.mu.Unlock()
	object, exists := l.objects["/"+name]
	if !exists {
		return nil, apierrors.NewNotFound(l.Resource, name)
	}
	return asLease(object.DeepCopyObject(), nil)
}

// List implements coordination.LeaseInterface.
func (l Leases) List(ctx context.Context, options metav1.ListOptions) (*coordinationv1.LeaseList, error) {
	object, err := l.ListWithContext(ctx, options)
	list, _ := object.(*coordinationv1.LeaseList)
	return list, err
}

// Watch implements coordination.LeaseInterface.
func (l Leases) Watch(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	return l.WatchWithContext(ctx, options)
}
