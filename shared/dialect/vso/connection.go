package vso

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/vso/v1beta1"
	"github.com/secretgate/secretgate/shared/plan"
)

const headerNamespace = "X-Vault-Namespace"

func isNamespaceHeader(name string) bool { return strings.EqualFold(name, headerNamespace) }

// server is a VaultConnection, understood.
type server struct {
	address   value
	name      string          // that its certificate must have
	ca        plan.Credential // where the CAs to trust are
	namespace value           // of Vault, by a header
}

// server understands a VaultConnection, whose spec is at a path.
func (b *builder) server(at *field.Path, c *v1beta1.VaultConnection) server {
	spec := &c.Spec
	s := server{address: value{canonical(spec.Address), at.Child("address")}, name: spec.TLSServerName}
	if spec.Address == "" {
		b.Fail(field.Required(s.address.at, "the URL of Vault"))
	}
	for _, problem := range validation.IsDNS1123Subdomain(strings.ToLower(spec.TLSServerName)) {
		if spec.TLSServerName != "" {
			b.Fail(field.Invalid(at.Child("tlsServerName"), spec.TLSServerName, problem))
		}
	}
	s.namespace = b.headerNamespace(textsAt(at.Child("headers"), spec.Headers))
	if spec.SkipTLSVerify {
		b.unserved(at.Child("skipTLSVerify"), "is not served, since any server could pass for Vault and take the logins: write false, and name "+
			"the Secret with Vault's CA in caCertSecretRef")
	}
	if spec.CACertPath != "" {
		b.unserved(at.Child("caCertPath"), "is not served: it names a file of the operator's; keep the CA in a Secret, and write caCertSecretRef")
	}
	if spec.CACertSecretRef != "" {
		s.ca = b.secret(at.Child("caCertSecretRef"), c.Namespace, spec.CACertSecretRef, keyCA)
	}
	if spec.Timeout != "" {
		if !isDuration(spec.Timeout) {
			b.Fail(field.Invalid(at.Child("timeout"), spec.Timeout, durationForm))
		}
		b.meaningless(at.Child("timeout"), "requests have a timeout of the syncer's own")
	}
	return s
}

// canonical is a URL without a slash at its end, and with its scheme and host in lower case.
func canonical(address string) string {
	u, err := url.Parse(strings.TrimRight(address, "/"))
	if err != nil || u.Path != "" {
		return address
	}
	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	return u.String()
}

// trimmed is a path of Vault without slashes around it, as Vault takes it.
func trimmed(path string) string { return strings.Trim(path, "/") }

// behind is a VaultAuth over its VaultAuthGlobal, and its server. What is missing is said, where it is referred to. Without the
// VaultAuthGlobal, nothing is known.
func (b *builder) behind(r reading) (m merged, s server, known bool) {
	all, problem := b.installation.globalsOf(r.auth)
	globalRefAt := r.at.Child("vaultAuthGlobalRef")
	if problem != "" {
		b.Fail(field.Invalid(globalRefAt, field.OmitValueType{}, problem))
		return m, s, false
	}
	ref, global := globalOf(all, b.resolved)
	at, own, text := r.at.Child("vaultConnectionRef"), r.auth.Namespace, r.auth.Spec.VaultConnectionRef
	if global == nil {
		m = merge(r.at, &r.auth.Spec, nil, nil)
		if len(all) > 0 {
			b.Fail(dialect.Missing(globalRefAt, all[0]))
			return m, s, false
		}
	} else {
		globalAt := ref.Path().Child("spec")
		m = merge(r.at, &r.auth.Spec, globalAt, &global.Spec)
		b.admits(r, globalRefAt, ref, global)
		if text == "" {
			at, own, text = globalAt.Child("vaultConnectionRef"), ref.Namespace, global.Spec.VaultConnectionRef
		}
	}
	if r := r.auth.Spec.VaultAuthGlobalRef; r != nil && r.MergeStrategy != nil {
		b.strategy(globalRefAt.Child("mergeStrategy", "headers"), r.MergeStrategy.Headers)
		b.strategy(globalRefAt.Child("mergeStrategy", "params"), r.MergeStrategy.Params)
	}
	return m, b.connection(r, at, own, text), true
}

func (b *builder) strategy(at *field.Path, name string) {
	all := []string{v1beta1.MergeUnion, v1beta1.MergeReplace, v1beta1.MergeNone}
	if name != "" && !slices.Contains(all, name) {
		b.Fail(field.NotSupported(at, name, all))
	}
}

// connection is the server of the VaultConnection that a text at a path names, within an object of a namespace.
func (b *builder) connection(r reading, at *field.Path, own, text string) server {
	ref, problem := b.installation.refTo(connectionKind, own, text)
	if problem != "" {
		b.Fail(field.Invalid(at, text, problem))
		return server{address: value{at: at}}
	}
	if text == "" {
		at = r.at // there is no field that names it
	}
	connection, missing := dialect.Find[*v1beta1.VaultConnection](b.resolved, at, ref)
	if missing != nil {
		b.Fail(missing)
		return server{address: value{at: at}}
	}
	return b.server(ref.Path().Child("spec"), connection)
}

// admits judges whether a VaultAuthGlobal admits a VaultAuth, by the namespace of that.
func (b *builder) admits(r reading, at *field.Path, ref dialect.Reference, global *v1beta1.VaultAuthGlobal) {
	list := global.Spec.AllowedNamespaces
	switch namespaces := b.admitted(ref.Namespace, list); {
	case slices.Contains(list, anyNamespace), ref.Namespace == r.auth.Namespace:
	case r.auth.Namespace == b.Plan.Object.Namespace:
		b.confine(at, ref, namespaces)
	case !slices.Contains(namespaces, r.auth.Namespace):
		b.Fail(field.Forbidden(at, fmt.Sprintf("%s does not admit the VaultAuth's namespace %q: see its spec.allowedNamespaces", ref,
			r.auth.Namespace)))
	}
}

// confine has policy judge whether the namespace of the object may use another object.
func (b *builder) confine(at *field.Path, ref dialect.Reference, namespaces []string) {
	b.Plan.Confined = append(b.Plan.Confined, plan.Confined{
		At: at.String(), What: ref.String(), By: "spec.allowedNamespaces", To: []plan.NamespaceMatch{{Names: namespaces}},
	})
}

// namespaceList judges the form of a list of namespaces.
func (b *builder) namespaceList(at *field.Path, list []string) {
	for n, namespace := range list {
		if namespace == anyNamespace {
			continue
		}
		for _, problem := range validation.IsDNS1123Label(namespace) {
			b.Fail(field.Invalid(at.Index(n), namespace, problem+"; or * for all namespaces"))
		}
	}
}
