package cluster

import (
	"errors"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestAMissingRightIsNamed(t *testing.T) {
	objects := schema.GroupResource{Group: "kubernetes-client.io", Resource: "externalsecrets"}
	for want, m := range map[string]*MissingRight{
		`you may not list externalsecrets.kubernetes-client.io in namespace "core": ask an administrator for the role view there ` +
			`(kubectl -n core create rolebinding NAME --clusterrole=view --user=YOU)`: {Verb: "list", Resource: objects, Namespace: "core"},
		`you may not patch externalsecrets.kubernetes-client.io "db" in namespace "core": ask an administrator for the role edit there ` +
			`(kubectl -n core create rolebinding NAME --clusterrole=edit --user=YOU)`: {Verb: "patch", Resource: objects, Namespace: "core", Name: "db"},
		`you may not get secrets "db" in namespace "core": ask an administrator for the role edit there ` +
			`(kubectl -n core create rolebinding NAME --clusterrole=edit --user=YOU)`: {Verb: "get", Resource: secrets.GroupResource(), Namespace: "core", Name: "db"},
		`you may not list namespaces in the whole cluster: ask an administrator for a ClusterRole that allows it ` +
			`(kubectl create clusterrole NAME --verb=list --resource=namespaces) and a ClusterRoleBinding`: {Verb: "list", Resource: namespaces.GroupResource()},
		`you may not list leases.coordination.k8s.io in namespace "s": ask an administrator for a Role that allows it ` +
			`(kubectl -n s create role NAME --verb=list --resource=leases.coordination.k8s.io) and a RoleBinding`: {
			Verb: "list", Resource: schema.GroupResource{Group: "coordination.k8s.io", Resource: "leases"}, Namespace: "s",
		},
	} {
		if got := m.Error(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestExplained(t *testing.T) {
	pods := schema.GroupResource{Resource: "pods"}
	if err := explained(nil, "list", pods, "a", ""); err != nil {
		t.Errorf("got %v, want no error of none", err)
	}
	_, missing := errors.AsType[*MissingRight](explained(apierrors.NewForbidden(pods, "", errors.New("no")), "list", pods, "a", ""))
	if !missing {
		t.Error("got another error, want that a right is missing")
	}
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"a login that is over": {apierrors.NewUnauthorized("Unauthorized"), "the API server does not accept your credentials: log in again (Unauthorized)"},
		"another error":        {errors.New("no route to host"), "list pods: no route to host"},
	} {
		if got := explained(c.err, "list", pods, "a", "").Error(); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}
