package cluster

import (
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// MissingRight is that the user may not do something.
type MissingRight struct {
	Verb      string
	Resource  schema.GroupResource // with its subresource, such as pods/proxy
	Namespace string               // empty: of the whole cluster
	Name      string               // empty: of any name
}

// Error says which right is missing, and how to get it.
func (m *MissingRight) Error() string {
	what := fmt.Sprintf("you may not %s %s", m.Verb, m.Resource)
	if m.Name != "" {
		what += fmt.Sprintf(" %q", m.Name)
	}
	if m.Namespace == "" {
		return what + fmt.Sprintf(" in the whole cluster: ask an administrator for a ClusterRole that allows it "+
			"(kubectl create clusterrole NAME --verb=%s --resource=%s) and a ClusterRoleBinding", m.Verb, m.Resource)
	}
	if role := m.role(); role != "" {
		return what + fmt.Sprintf(" in namespace %q: ask an administrator for the role %s there "+
			"(kubectl -n %s create rolebinding NAME --clusterrole=%s --user=YOU)", m.Namespace, role, m.Namespace, role)
	}
	return what + fmt.Sprintf(" in namespace %q: ask an administrator for a Role that allows it "+
		"(kubectl -n %s create role NAME --verb=%s --resource=%s) and a RoleBinding", m.Namespace, m.Namespace, m.Verb, m.Resource)
}

// role is the cluster's own role that has the right in a namespace, which Secretgate's manifests add its objects to. It is empty where
// it is not known that one has.
func (m *MissingRight) role() string {
	reads := m.Verb == "get" || m.Verb == "list" || m.Verb == "watch"
	switch m.Resource.Resource {
	case "secrets", "pods/proxy":
		if reads {
			return "edit"
		}
	case "pods", "deployments", "statefulsets", "daemonsets", "configmaps":
		if reads {
			return "view"
		}
	case "leases", "namespaces", "mutatingwebhookconfigurations", "validatingwebhookconfigurations":
	default: // objects of a dialect
		if reads {
			return "view"
		}
		return "edit"
	}
	return ""
}

// explained is an error of the API server in words that help. resource is what was asked for, and name may be empty.
func explained(err error, verb string, resource schema.GroupResource, namespace, name string) error {
	switch {
	case err == nil:
		return nil
	case apierrors.IsForbidden(err):
		return &MissingRight{Verb: verb, Resource: resource, Namespace: namespace, Name: name}
	case apierrors.IsUnauthorized(err):
		return fmt.Errorf("the API server does not accept your credentials: log in again (%w)", err)
	}
	return fmt.Errorf("%s %s: %w", verb, resource, err)
}
