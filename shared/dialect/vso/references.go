package vso

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/vso/v1beta1"
)

var (
	authKind           = kindOf(v1beta1.AuthKind)
	globalKind         = kindOf(v1beta1.AuthGlobalKind)
	connectionKind     = kindOf(v1beta1.ConnectionKind)
	transformationKind = kindOf(v1beta1.TransformationKind)
)

func kindOf(kind string) schema.GroupKind { return v1beta1.GroupVersion.WithKind(kind).GroupKind() }

// anyNamespace in a list of namespaces stands for all.
const anyNamespace = "*"

// refTo is the object of a kind that a text means, within an object of a namespace: name, namespace/name, or nothing, which is default in
// the operator's namespace. It says what is wrong with the text, or nothing.
func (i *Installation) refTo(kind schema.GroupKind, own, text string) (r dialect.Reference, problem string) {
	r = dialect.Reference{Kind: kind, Namespace: own, Name: text}
	if namespace, name, found := strings.Cut(text, "/"); found {
		r.Namespace, r.Name = namespace, name
	}
	if text == "" {
		r.Namespace, r.Name = i.OperatorNamespace, v1beta1.DefaultName
	}
	if len(validation.IsDNS1123Label(r.Namespace))+len(validation.IsDNS1123Subdomain(r.Name)) > 0 {
		return dialect.Reference{}, "must be name, or namespace/name"
	}
	return r, ""
}

// globalsOf are the VaultAuthGlobals that a VaultAuth may mean, the first that exists, and what is wrong with how it names them.
func (i *Installation) globalsOf(auth *v1beta1.VaultAuth) (all []dialect.Reference, problem string) {
	ref := auth.Spec.VaultAuthGlobalRef
	if ref == nil {
		return nil, ""
	}
	namespaces, name := []string{cmp.Or(ref.Namespace, auth.Namespace)}, ref.Name
	switch {
	case name != "":
	case ref.AllowDefault == nil || !*ref.AllowDefault:
		return nil, "must have a name, or allowDefault: true"
	default:
		name = v1beta1.DefaultName
		if ref.Namespace == "" && auth.Namespace != i.OperatorNamespace {
			namespaces = append(namespaces, i.OperatorNamespace)
		}
	}
	for _, namespace := range namespaces {
		if len(validation.IsDNS1123Label(namespace))+len(validation.IsDNS1123Subdomain(name)) > 0 {
			return nil, "must have the name of a VaultAuthGlobal and of its namespace"
		}
		all = append(all, dialect.Reference{Kind: globalKind, Namespace: namespace, Name: name})
	}
	return all, ""
}

// globalOf is the first of some VaultAuthGlobals that exists.
func globalOf(all []dialect.Reference, resolved dialect.Resolved) (r dialect.Reference, global *v1beta1.VaultAuthGlobal) {
	for _, r := range all {
		if global, found := resolved[r].(*v1beta1.VaultAuthGlobal); found {
			return r, global
		}
	}
	return dialect.Reference{}, nil
}

// References implements dialect.Kind: the VaultAuth and the SecretTransformations, then the VaultAuthGlobal and the VaultConnection of the
// VaultAuth, then that of the VaultAuthGlobal.
func (i *Installation) References(object dialect.Object, resolved dialect.Resolved) []dialect.Reference {
	vss, ok := object.(*v1beta1.VaultStaticSecret)
	if !ok {
		return nil
	}
	var all []dialect.Reference
	add := func(refs ...dialect.Reference) {
		for _, r := range refs {
			if r.Name != "" && !slices.Contains(all, r) {
				all = append(all, r)
			}
		}
	}
	auth, _ := i.refTo(authKind, vss.Namespace, vss.Spec.VaultAuthRef)
	add(auth)
	for _, ref := range vss.Spec.Destination.Transformation.TransformationRefs {
		if r, wrong := localTransformation(nil, vss.Namespace, ref); wrong == nil {
			add(r)
		}
	}
	if auth, found := resolved[auth].(*v1beta1.VaultAuth); found {
		add(i.behind(auth, resolved)...)
	}
	return all
}

// behind is what a VaultAuth refers to.
func (i *Installation) behind(auth *v1beta1.VaultAuth, resolved dialect.Resolved) []dialect.Reference {
	all, problem := i.globalsOf(auth)
	r, global := globalOf(all, resolved)
	switch {
	case problem != "":
	case auth.Spec.VaultConnectionRef != "" || len(all) == 0:
		connection, _ := i.refTo(connectionKind, auth.Namespace, auth.Spec.VaultConnectionRef)
		all = append(all, connection)
	case global != nil:
		connection, _ := i.refTo(connectionKind, r.Namespace, global.Spec.VaultConnectionRef)
		all = append(all, connection)
	}
	return slices.DeleteFunc(all, func(r dialect.Reference) bool { return r.Name == "" })
}
