package cluster

import (
	"context"
	"errors"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// workloads are the kinds that may be restarted. The last one is Argo's, which few clusters know.
var workloads = []struct {
	kind string
	at   schema.GroupVersionResource
}{
	{"Deployment", schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}},
	{"StatefulSet", schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "statefulsets"}},
	{"DaemonSet", schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "daemonsets"}},
	{"Rollout", schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "rollouts"}},
}

// Workloads lists the metadata of those of a namespace, each with its kind. What the user may not list is named by the error, and missing
// from the rest.
func (c *Cluster) Workloads(ctx context.Context, namespace string) ([]metav1.PartialObjectMetadata, error) {
	var all []metav1.PartialObjectMetadata
	var problems []error
	for _, w := range workloads {
		err := pages(func(options metav1.ListOptions) (string, error) {
			list, err := c.metadata.Resource(w.at).Namespace(namespace).List(ctx, options)
			if unknown(err) {
				return "", nil
			}
			if err != nil {
				return "", explained(err, "list", w.at.GroupResource(), namespace, "")
			}
			for i := range list.Items {
				list.Items[i].Kind = w.kind
			}
			all = append(all, list.Items...)
			return list.Continue, nil
		})
		problems = append(problems, err)
	}
	return all, errors.Join(problems...)
}
