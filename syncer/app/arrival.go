package app

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/secretgate/secretgate/shared/dialect"
)

// arrivalPeriod is how often the cluster is asked whether it knows a kind by now.
const arrivalPeriod = 10 * time.Second

// arrival adds the controller of a kind: at once where the cluster knows the kind, else when it does. The others are served
// meanwhile.
type arrival struct {
	*house
	kind dialect.Kind
	add  func(ctx context.Context) error
}

func (a *arrival) prepare(ctx context.Context) error {
	if a.missing(ctx) == nil {
		return a.add(ctx)
	}
	return a.mgr.Add(manager.RunnableFunc(a.await))
}

// await says once what the cluster lacks, and adds the controller when it lacks it no more.
func (a *arrival) await(ctx context.Context) error {
	log := slog.New(a.config.Handler)
	told := ""
	for {
		problem := a.missing(ctx)
		if problem == nil {
			log.InfoContext(ctx, "The cluster knows a kind by now: its objects are served", "kind", a.kind.Type().Kind)
			return a.add(ctx)
		}
		if now := problem.Error(); now != told && ctx.Err() == nil {
			log.WarnContext(ctx, now)
			told = now
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(arrivalPeriod):
		}
	}
}

// types are those that the cluster must know: the kind itself, and those that its objects refer to.
func (a *arrival) types() []dialect.Type {
	types := []dialect.Type{a.kind.Type()}
	for _, store := range a.stores(a.kind) {
		types = append(types, store.Type())
	}
	return types
}

// missing says which of the types the cluster does not know, and what to do about it.
func (a *arrival) missing(ctx context.Context) error {
	for _, t := range a.types() {
		known, err := a.known(ctx, t)
		switch {
		case err != nil:
			return fmt.Errorf("whether the cluster knows %s cannot be told, so that none is served: %w", t.Kind, err)
		case !known:
			return fmt.Errorf("the cluster knows no %s, so that none is served: apply crds/%s_%s.yaml, or leave %s out of --dialects",
				t.Kind, t.Group, t.Resource, t.Dialect)
		}
	}
	return nil
}

// knows asks the API server whether it has a resource.
func knows(client discovery.DiscoveryInterfaceWithContext) func(context.Context, dialect.Type) (bool, error) {
	return func(ctx context.Context, t dialect.Type) (bool, error) {
		list, err := client.ServerResourcesForGroupVersionWithContext(ctx, t.GroupVersion().String())
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

// mapper knows our own kinds, be they installed or not, and asks the cluster for all others: a cache is set up for a kind before the
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
