package certs

import (
	"context"
	"sync"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// pause keeps reconciliations apart, so that two programs that both want to own a caBundle do not fight at full speed.
const pause = time.Second

// rewatch is the time before a refused watch is tried again: the right may be missing for good.
const rewatch = time.Minute

// Run reconciles on every change and every Poll, until the context ends.
func (a *authority) Run(ctx context.Context) error {
	changes := make(chan struct{}, 1)
	var followers sync.WaitGroup
	defer followers.Wait()
	for _, t := range a.targets() {
		followers.Go(func() { a.follow(ctx, t, changes) })
	}

	ticker := time.NewTicker(a.timing.Poll)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changes:
		case <-ticker.C:
		}
		if err := a.reconcile(ctx); err != nil && ctx.Err() == nil {
			a.log.Error(err, "The webhook's CA is not in order")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// target is one object to watch.
type target struct {
	kind schema.GroupVersionKind
	key  client.ObjectKey
}

func (a *authority) targets() []target {
	name := client.ObjectKey{Name: a.configuration}
	return []target{
		{corev1.SchemeGroupVersion.WithKind("Secret"), a.secret},
		{admissionv1.SchemeGroupVersion.WithKind("MutatingWebhookConfiguration"), name},
		{admissionv1.SchemeGroupVersion.WithKind("ValidatingWebhookConfiguration"), name},
	}
}

// follow turns changes of one object into notices. A watch is only a hint, so nothing is lost when it breaks or is not
// permitted: the next poll sees what it missed. Its events are metadata, never the Secret's data.
func (a *authority) follow(ctx context.Context, t target, changes chan<- struct{}) {
	for {
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(t.kind.GroupVersion().WithKind(t.kind.Kind + "List"))
		events, err := a.api.Watch(ctx, list, client.InNamespace(t.key.Namespace), client.MatchingFields{metav1.ObjectNameField: t.key.Name})
		if err != nil {
			a.log.V(1).Info("No watch; changes are noticed by polling", "kind", t.kind.Kind, "name", t.key.Name, "cause", err.Error())
		} else {
			forward(ctx, events, changes)
		}
		wait := a.timing.Poll
		if err != nil {
			wait = rewatch
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

func forward(ctx context.Context, events watch.Interface, changes chan<- struct{}) {
	defer events.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case event, open := <-events.ResultChan():
			if !open || event.Type == watch.Error {
				return
			}
		}
		select {
		case changes <- struct{}{}:
		default: // a notice is waiting already
		}
	}
}
