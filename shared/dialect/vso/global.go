package vso

import (
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/vso/v1beta1"
	"github.com/secretgate/secretgate/shared/plan"
)

// global judges the form of a VaultAuthGlobal, whose spec is at a path.
func (b *builder) global(at *field.Path, g *v1beta1.VaultAuthGlobal) {
	spec := &g.Spec
	b.namespaceList(at.Child("allowedNamespaces"), spec.AllowedNamespaces)
	if text := spec.VaultConnectionRef; text != "" {
		connectionAt := at.Child("vaultConnectionRef")
		ref, problem := b.installation.refTo(connectionKind, g.Namespace, text)
		if problem != "" {
			b.Fail(field.Invalid(connectionAt, text, problem))
		} else if _, missing := dialect.Find[*v1beta1.VaultConnection](b.resolved, connectionAt, ref); missing != nil {
			b.Fail(missing)
		}
	}
	of, _ := backend.Of(backend.Vault)
	path := func(at *field.Path, text string, a plan.Aspect) { b.Canonical(at, trimmed(text), of.Store[a]) }
	path(at.Child("defaultMount"), spec.DefaultMount, plan.Mount)
	path(at.Child("defaultVaultNamespace"), spec.DefaultVaultNamespace, plan.Namespace)
	if method := spec.DefaultAuthMethod; method != "" {
		b.knownMethod(at.Child("defaultAuthMethod"), method)
	}
	for _, name := range served {
		m := globalMethodOf(at, spec, name)
		path(m.at.Child("mount"), m.mount, plan.Mount)
		path(m.at.Child("namespace"), m.namespace, plan.Namespace)
		b.Canonical(m.at.Child(roleField(name)), m.role, of.Store[plan.Role])
		b.Canonical(m.at.Child("serviceAccount"), m.account, of.Store[plan.Account])
		for n, audience := range m.audiences {
			b.audience(m.at.Child("audiences").Index(n), audience)
		}
	}
	if spec.AWS != nil {
		b.unserved(at.Child("aws"), "is not served: log in by kubernetes, jwt or appRole")
	}
	if spec.GCP != nil {
		b.unserved(at.Child("gcp"), "is not served: log in by kubernetes, jwt or appRole")
	}
}
