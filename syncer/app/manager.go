package app

import (
	"errors"
	"fmt"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/syncer/internal/config"
	"github.com/secretgate/secretgate/syncer/internal/shard"
)

// restConfig says how to reach the cluster, and which namespace this process belongs to: a pod's own, or the
// kubeconfig context's.
func restConfig(kubeconfig string) (cluster *rest.Config, namespace string, err error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	loaded := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil)
	cluster, err = loaded.ClientConfig()
	if err == nil {
		namespace, _, err = loaded.Namespace()
	}
	if err != nil {
		return nil, "", fmt.Errorf("how to reach the cluster is not known; set --kubeconfig, or run in a pod: %w", err)
	}
	cluster.QPS = -1 // the API server's own fairness decides: a limit here would only delay Secrets
	// They are logged otherwise, and quote what was written: the server itself a key that is no PEM of its kind, an admission policy
	// whatever its author likes.
	cluster.WarningHandlerWithContext = rest.NoWarnings{}
	return rest.AddUserAgent(cluster, names.FieldManager), namespace, nil
}

func newManager(cluster *rest.Config, c *config.Config, informers shard.Informers) (manager.Manager, error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(corev1.AddToScheme(scheme), eventsv1.AddToScheme(scheme), c.Dialects.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	grace := gracePeriod
	options := ctrl.Options{
		Scheme:                  scheme,
		Cache:                   cacheOptions(c, informers),
		Client:                  client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}}}},
		Metrics:                 metricsserver.Options{BindAddress: c.MetricsBindAddress},
		HealthProbeBindAddress:  c.HealthProbeBindAddress,
		PprofBindAddress:        c.Pprof.Address,
		GracefulShutdownTimeout: &grace,
		MapperProvider: func(cluster *rest.Config, client *http.Client) (meta.RESTMapper, error) {
			others, err := apiutil.NewDynamicRESTMapper(cluster, client)
			return mapper(others, typesOf(c)), err
		},
	}
	mgr, err := ctrl.NewManager(cluster, options)
	if err != nil {
		return nil, fmt.Errorf("prepare to sync: %w", err)
	}
	return mgr, nil
}

// cacheOptions keep little: what is this replica's; of Secrets the metadata of managed ones (the
// controller watches them as metadata only), of other objects no more than is read.
func cacheOptions(c *config.Config, informers shard.Informers) cache.Options {
	options := cache.Options{
		NewInformer:      informers.New,
		DefaultTransform: strip,
		ByObject: map[client.Object]cache.ByObject{
			&corev1.Secret{}: {Label: labels.SelectorFromSet(labels.Set{names.LabelManaged: "true"})},
		},
	}
	for _, kind := range c.Dialects.Kinds() {
		one := cache.ByObject{}
		if selector, ok := kind.(dialect.NamespaceSelector); ok {
			one.Namespaces = only(selector.Namespaces())
		}
		if _, ok := kind.(dialect.MetadataUser); ok {
			one.Transform = stripHistory
		}
		options.ByObject[kind.New()] = one
	}
	for _, kind := range c.Dialects.Stores() {
		if _, ok := kind.(dialect.Shared); ok {
			options.ByObject[kind.New()] = cache.ByObject{Namespaces: only(dialect.Watched(kind, c.WatchedNamespaces))}
		}
	}
	options.DefaultNamespaces = only(c.WatchedNamespaces)
	return options
}

// typesOf are those of all kinds that are served, and of what they refer to.
func typesOf(c *config.Config) []dialect.Type {
	var all []dialect.Type
	for _, kind := range c.Dialects.Kinds() {
		all = append(all, kind.Type())
	}
	for _, kind := range c.Dialects.Stores() {
		all = append(all, kind.Type())
	}
	return all
}

// only watches these namespaces; nil, which is all, where there are none.
func only(namespaces []string) map[string]cache.Config {
	if len(namespaces) == 0 {
		return nil
	}
	configs := map[string]cache.Config{}
	for _, namespace := range namespaces {
		configs[namespace] = cache.Config{}
	}
	return configs
}

// stripHistory leaves the labels and annotations.
func stripHistory(object any) (any, error) {
	if o, ok := object.(metav1.Object); ok {
		delete(o.GetAnnotations(), corev1.LastAppliedConfigAnnotation)
		o.SetManagedFields(nil)
		o.SetOwnerReferences(nil)
	}
	return object, nil
}

// strip takes from the metadata of objects what the syncer does not read. Of namespaces it leaves the
// annotations, which are policy.
func strip(object any) (any, error) {
	o, ok := object.(metav1.Object)
	if !ok {
		return object, nil
	}
	annotations := o.GetAnnotations()
	delete(annotations, corev1.LastAppliedConfigAnnotation)
	if o.GetNamespace() != "" {
		annotations = one(annotations, names.AnnotationForceSync)
	}
	o.SetAnnotations(annotations)
	o.SetManagedFields(nil)
	o.SetLabels(nil)
	o.SetOwnerReferences(nil)
	return object, nil
}

func one(annotations map[string]string, key string) map[string]string {
	value, ok := annotations[key]
	if !ok {
		return nil
	}
	return map[string]string{key: value}
}
