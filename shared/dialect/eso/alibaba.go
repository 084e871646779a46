package eso

import (
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/backend"
	v1 "github.com/secretgate/secretgate/shared/dialect/eso/v1"
	"github.com/secretgate/secretgate/shared/plan"
)

// alibaba is Alibaba Cloud's Key Management Service.
func (b *builder) alibaba(at *field.Path, r reading, p *v1.AlibabaProvider) (*source, plan.Places) {
	of, _ := backend.Of(backend.AlicloudKMS)
	s := &source{syntax: plan.GJSON, backend: of, read: alibabaRead, store: plan.Store{Backend: of.Name, Location: p.RegionID}}
	if p.RegionID == "" {
		b.Fail(field.Required(at.Child("regionID"), "a store has no default"))
	}
	places := plan.Places{plan.Location: {Field: at.Child("regionID").String()}}
	authAt := at.Child("auth")
	switch secret, rrsa := p.Auth.SecretRef, p.Auth.RRSA; {
	case secret != nil && rrsa != nil:
		b.Fail(field.Forbidden(authAt.Child("rrsa"), "secretRef is set, too: remove one of them"))
	case secret != nil:
		s.store.Login.Identifier = b.secret(authAt.Child("secretRef", "accessKeyIDSecretRef"), r, secret.AccessKeyID, "")
		s.store.Credential = b.secret(authAt.Child("secretRef", "accessKeySecretSecretRef"), r, secret.AccessKeySecret, "")
	case rrsa != nil:
		at := authAt.Child("rrsa")
		s.store.Role, s.store.Mount = rrsa.RoleARN, rrsa.OIDCProviderARN
		places[plan.Role] = plan.Place{Field: at.Child("roleArn").String()}
		if rrsa.RoleARN == "" {
			b.Fail(field.Required(at.Child("roleArn"), "the role to be"))
		}
		if rrsa.OIDCProviderARN == "" {
			b.Fail(field.Required(at.Child("oidcProviderArn"), "the cluster, as RAM knows it"))
		}
		places[plan.Mount] = plan.Place{Field: at.Child("oidcProviderArn").String()}
		for _, ignored := range []struct{ name, value string }{{"oidcTokenFilePath", rrsa.OIDCTokenFilePath}, {"sessionName", rrsa.SessionName}} {
			if ignored.value != "" {
				b.Warn("%s has no meaning here, and is ignored: the syncer has its own", at.Child(ignored.name))
			}
		}
		b.ownIdentity(at, r, "rrsa is the syncer's; set secretRef")
	default:
		b.Fail(field.Required(authAt, "secretRef or rrsa is needed"))
	}
	return s, places
}

func alibabaRead(b *builder, at *field.Path, ref *v1.RemoteRef) plan.Read {
	b.Canonical(at.Child("version"), ref.Version, plan.PlainText)
	of, _ := backend.Of(backend.AlicloudKMS)
	read := of.Read(plan.Read{Key: ref.Key})
	if ref.Version != "" {
		read.VersionID, read.VersionStage = ref.Version, ""
	}
	return read
}
