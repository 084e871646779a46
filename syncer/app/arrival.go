package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/secretgate/secretgate/shared/dialect"
)

// arrivalPeriod is how often the cluster is asked whether it knows a kind by now.
const arrivalPeriod = 10 * time.Second

// arrival adds the controller of a kind: at once where the cluster knows the kind and lets us list its objects, else when it does.
// The others are served meanwhile: a controller that gets no list would end the process.
type arrival struct {
	*syncer
	kind dialect.Kind
	add  func(ctx context.Context) error

	unready atomic.Pointer[string] // why it should be served and is not
}

func (a *arrival) prepare(ctx context.Context) error {
	if a.lacks(ctx) == "" {
		return a.add(ctx)
	}
	return errors.Join(a.mgr.Add(manager.RunnableFunc(a.await)), a.mgr.AddReadyzCheck(a.kind.Type().GroupKind().String(), a.ready))
}

// await adds the controller once the cluster has what the kind needs. It logs, once, what is missing.
func (a *arrival) await(ctx context.Context) error {
	log := slog.New(a.config.Handler)
	logged := ""
	for {
		problem := a.lacks(ctx)
		if problem == "" {
			log.InfoContext(ctx, "A kind of objects is served now", "kind", a.kind.Type().Kind)
			return a.add(ctx)
		}
		if problem != logged && ctx.Err() == nil {
			log.WarnContext(ctx, "A kind of objects is not served", "kind", a.kind.Type().Kind, "problem", problem)
			logged = problem
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(arrivalPeriod):
		}
	}
}

// ready fails where the syncer lacks permissions, so that a rollout which loses some stops while the old replicas still run, and
// where the API server does not answer. A kind that is not installed does not stop a rollout.
func (a *arrival) ready(*http.Request) error {
	if problem := a.unready.Load(); problem != nil {
		return errors.New(*problem)
	}
	return nil
}

// needed is a type whose objects are listed, and where; nil: everywhere.
type needed struct {
	dialect.Type
	namespaces []string
}

// types are the kind itself and those that its objects refer to: the cluster must know all of them. What is read live needs no right to
// list it.
func (a *arrival) types() []needed {
	own := a.config.WatchedNamespaces
	if selector, ok := a.kind.(dialect.NamespaceSelector); ok && len(selector.Namespaces()) > 0 {
		own = selector.Namespaces()
	}
	types := []needed{{a.kind.Type(), own}}
	for _, store := range a.stores(a.kind) {
		if _, unwatched := store.(dialect.Unwatched); !unwatched {
			types = append(types, needed{store.Type(), dialect.Watched(store, a.config.WatchedNamespaces)})
		}
	}
	return types
}

// lacks returns why the kind cannot be served, and what to do about it; empty: it can.
func (a *arrival) lacks(ctx context.Context) (problem string) {
	installed := true
	for _, t := range a.types() {
		if problem, installed = a.lack(ctx, t); problem != "" {
			break
		}
	}
	a.unready.Store(nil)
	if problem != "" && installed {
		a.unready.Store(&problem)
	}
	return problem
}

// lack is lacks for one type, and reports whether the type is installed.
func (a *arrival) lack(ctx context.Context, t needed) (problem string, installed bool) {
	known, err := a.known(ctx, t.Type)
	if err == nil && known {
		err = a.list(ctx, t)
	}
	switch {
	case apierrors.IsForbidden(err):
		return fmt.Sprintf("the syncer may not list objects of kind %s, so that none is served: let its ServiceAccount list and watch %s.%s, "+
			"or leave %s out of --dialects", t.Kind, t.Resource, t.Group, t.Dialect), true
	case err == nil && !known, apierrors.IsNotFound(err):
		return fmt.Sprintf("the cluster knows no %s, so that none is served: apply %s_%s.yaml of crds/, or leave %s out of --dialects",
			t.Kind, t.Group, t.Resource, t.Dialect), false
	case err != nil:
		return fmt.Sprintf("the syncer cannot find out whether the cluster knows %s, so that none is served: %v", t.Kind, err), true
	}
	return "", true
}

// list lists an object in each namespace that is watched, as the cache will.
func (a *arrival) list(ctx context.Context, t needed) error {
	namespaces := t.namespaces
	if len(namespaces) == 0 || t.ClusterWide {
		namespaces = []string{metav1.NamespaceAll}
	}
	for _, namespace := range namespaces {
		objects := &metav1.PartialObjectMetadataList{}
		objects.SetGroupVersionKind(t.GroupVersion().WithKind(t.Kind + "List"))
		if err := a.mgr.GetAPIReader().List(ctx, objects, client.InNamespace(namespace), client.Limit(1)); err != nil {
			return err
		}
	}
	return nil
}

// knows asks the API server whether it has a resource.
func knows(cluster discovery.DiscoveryInterfaceWithContext) func(context.Context, dialect.Type) (bool, error) {
	return func(ctx context.Context, t dialect.Type) (bool, error) {
		list, err := cluster.ServerResourcesForGroupVersionWithContext(ctx, t.GroupVersion().String())
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		for i := range list.APIResources {
			if list.APIResources[i].Name == t.Resource {
				return true, nil
			}
		}
		return false, nil
	}
}

// mapper knows our own kinds, installed or not, and reads all others from the cluster: a cache is set up for a kind before the
// cluster need know it.
func mapper(others meta.RESTMapper, types []dialect.Type) meta.RESTMapper {
	var versions []schema.GroupVersion
	for _, t := range types {
		if !slices.Contains(versions, t.GroupVersion()) {
			versions = append(versions, t.GroupVersion())
		}
	}
	ours := meta.NewDefaultRESTMapper(versions)
	for _, t := range types {
		resource := t.GroupVersion().WithResource(t.Resource)
		scope := meta.RESTScopeNamespace
		if t.ClusterWide {
			scope = meta.RESTScopeRoot
		}
		ours.AddSpecific(t.GroupVersionKind, resource, resource, scope)
	}
	return meta.FirstHitRESTMapper{MultiRESTMapper: meta.MultiRESTMapper{ours, others}}
}
