package eso

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/backend"
	v1 "github.com/secretgate/secretgate/shared/dialect/eso/v1"
	"github.com/secretgate/secretgate/shared/plan"
)

const (
	annotationAWSRole     = "eks.amazonaws.com/role-arn"
	annotationAWSAudience = "eks.amazonaws.com/audience"
	audienceAWS           = "sts.amazonaws.com"
)

// aws is AWS Secrets Manager or the Parameter Store.
func (b *builder) aws(at *field.Path, r reading, p *v1.AWSProvider) (*source, plan.Places) {
	s := &source{syntax: plan.GJSON}
	switch p.Service {
	case "SecretsManager":
		s.backend, _ = backend.Of(backend.AWSSecretsManager)
		s.read, s.find = secretsManagerRead(p.Prefix), awsFind(s.backend)
	case "ParameterStore":
		s.backend, _ = backend.Of(backend.AWSParameterStore)
		s.read, s.find = parameterRead(p.Prefix), awsFind(s.backend)
	case "CertificateManager":
		b.unserved(at.Child("service"), "CertificateManager is not served: write SecretsManager or ParameterStore")
		return &source{}, nil
	default:
		b.Fail(field.NotSupported(at.Child("service"), p.Service, []string{"SecretsManager", "ParameterStore"}))
		return nil, nil
	}
	if p.Region == "" {
		b.Fail(field.Required(at.Child("region"), "a store has no default"))
	}
	s.store = plan.Store{Backend: s.backend.Name, Location: p.Region, Role: p.Role}
	login := &s.store.Login
	login.ExternalID = p.ExternalID
	accountAt := b.awsAuth(at.Child("auth"), r, p, s)
	b.awsRoles(at, p, login)
	if p.SessionTagsPolicy != "" || p.CustomSessionTags != nil {
		b.unserved(at.Child("sessionTagsPolicy"), "is not served: the syncer's --aws-session-tags tags sessions for all stores")
	}
	if p.SecretsManager != nil {
		b.Warn("%s has no meaning here, and is ignored: remove it", at.Child("secretsManager"))
	}
	return s, plan.Places{
		plan.Location: {Field: at.Child("region").String()}, plan.Role: {Field: at.Child("role").String()},
		plan.Account: {Field: accountAt.String()},
	}
}

// awsAuth is who reads before a role is assumed. It returns where a ServiceAccount is named.
func (b *builder) awsAuth(at *field.Path, r reading, p *v1.AWSProvider, s *source) *field.Path {
	secretAt, accountAt := at.Child("secretRef"), at.Child("jwt", "serviceAccountRef")
	login := &s.store.Login
	switch secret, jwt := p.Auth.SecretRef, p.Auth.JWT; {
	case secret != nil && jwt != nil:
		b.Fail(field.Forbidden(at.Child("jwt"), "secretRef is set, too: remove one of them"))
	case secret != nil:
		login.Identifier = b.secret(secretAt.Child("accessKeyIDSecretRef"), r, secret.AccessKeyID, "")
		s.store.Credential = b.secret(secretAt.Child("secretAccessKeySecretRef"), r, secret.SecretAccessKey, "")
		if secret.SessionToken != nil {
			login.Session = b.secret(secretAt.Child("sessionTokenSecretRef"), r, *secret.SessionToken, "")
		}
	case jwt != nil && jwt.ServiceAccountRef == nil:
		b.Fail(field.Required(accountAt, "the ServiceAccount whose annotation names the role"))
	case jwt != nil:
		b.awsAccount(accountAt, r, *jwt.ServiceAccountRef, s)
	default:
		b.ownIdentity(at, r, "set secretRef or jwt")
	}
	return accountAt.Child("name")
}

// awsAccount is a ServiceAccount that is a role by its annotation.
func (b *builder) awsAccount(at *field.Path, r reading, ref v1.ServiceAccountSelector, s *source) {
	account := b.account(at, r, ref)
	audience := audienceAWS
	role := b.annotation(at, account, annotationAWSRole)
	if named := b.annotationOf(account, annotationAWSAudience); named != "" {
		audience = named
	}
	account.Audiences = plan.ListOf(append([]string{audience}, ref.Audiences...)...)
	s.store.Credential = account
	login := &s.store.Login
	login.Account = role
	login.RoleFrom = plan.Credential{
		Kind: plan.AnnotationCredential, Namespace: account.Namespace, Name: account.Name, Key: annotationAWSRole,
	}
	switch {
	case role != "":
		if problem := s.backend.Unusable(plan.Role, role); problem != "" {
			b.Fail(field.Invalid(at, role, "its annotation "+annotationAWSRole+" "+problem))
		}
		b.chooseRole(at, role)
	case b.known(account):
		b.Fail(field.Required(at, "ServiceAccount "+account.Namespace+"/"+account.Name+" has no annotation "+annotationAWSRole+": add it"))
	}
}

// awsRoles are the roles that are assumed, and what goes with the last.
func (b *builder) awsRoles(at *field.Path, p *v1.AWSProvider, login *plan.Login) {
	rule, _ := backend.Of(backend.AWSSecretsManager)
	for n, role := range p.AdditionalRoles {
		at := at.Child("additionalRoles").Index(n)
		if role == "" {
			b.Fail(field.Required(at, "the ARN of a role"))
		}
		b.Canonical(at, role, rule.Store[plan.Role])
		b.chooseRole(at, role)
	}
	login.Chain = plan.ListOf(p.AdditionalRoles...)
	b.Canonical(at.Child("externalID"), p.ExternalID, plan.PlainText)
	var tags []string
	for n, tag := range p.SessionTags {
		at := at.Child("sessionTags").Index(n)
		if tag.Key == "" || strings.Contains(tag.Key, "=") {
			b.Fail(field.Invalid(at.Child("key"), tag.Key, "must be the name of a tag, without ="))
		}
		b.Canonical(at.Child("key"), tag.Key, plan.PlainText)
		b.Canonical(at.Child("value"), tag.Value, plan.PlainText)
		tags = append(tags, tag.Key+"="+tag.Value)
	}
	for n, key := range p.TransitiveTagKeys {
		b.Canonical(at.Child("transitiveTagKeys").Index(n), key, plan.PlainText)
	}
	login.Tags, login.Transitive = plan.ListOf(tags...), plan.ListOf(p.TransitiveTagKeys...)
	if p.Role == "" && (p.ExternalID != "" || len(tags)+len(p.TransitiveTagKeys) > 0) {
		b.Fail(field.Required(at.Child("role"), "externalID, sessionTags and transitiveTagKeys go with assuming a role"))
	}
}

// secretsManagerRead names a version as uuid/id or by its staging label.
func secretsManagerRead(prefix string) func(*builder, *field.Path, *v1.RemoteRef) plan.Read {
	of, _ := backend.Of(backend.AWSSecretsManager)
	return func(b *builder, at *field.Path, ref *v1.RemoteRef) plan.Read {
		b.Canonical(at.Child("version"), ref.Version, plan.PlainText)
		read := plan.Read{Key: prefixed(prefix, ref.Key)}
		if id, ok := strings.CutPrefix(ref.Version, "uuid/"); ok {
			read.VersionID = id
		} else {
			read.VersionStage = ref.Version
		}
		return of.Read(read)
	}
}

func parameterRead(prefix string) func(*builder, *field.Path, *v1.RemoteRef) plan.Read {
	of, _ := backend.Of(backend.AWSParameterStore)
	return func(b *builder, at *field.Path, ref *v1.RemoteRef) plan.Read {
		b.Canonical(at.Child("version"), ref.Version, plan.PlainText)
		read := of.Read(plan.Read{Key: prefixed(prefix, ref.Key)})
		read.Version = ref.Version
		return read
	}
}

// prefixed is a key with what a store puts before each. One that is missing stays so.
func prefixed(prefix, key string) string {
	if key == "" {
		return ""
	}
	return prefix + key
}

// awsFind is what is below a path, or everything, with some tags.
func awsFind(of *backend.Backend) func(*builder, *field.Path, *v1.Find) (plan.Read, bool) {
	return func(b *builder, at *field.Path, find *v1.Find) (plan.Read, bool) {
		read := plan.Read{Path: true, Recursive: true}
		if find.Path != nil {
			read.Key = *find.Path
		}
		b.Canonical(at.Child("path"), read.Key, of.Key)
		read = of.Read(read)
		read.Tags = b.tags(at.Child("tags"), find.Tags)
		return read, true
	}
}

// tags are those that values must have.
func (b *builder) tags(at *field.Path, tags map[string]string) plan.List {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		if key == "" || strings.Contains(key, "=") {
			b.Fail(field.Invalid(at.Key(key), key, "must be the name of a tag, without ="))
		}
		b.Canonical(at.Key(key), key, plan.PlainText)
		b.Canonical(at.Key(key), tags[key], plan.PlainText)
		all = append(all, key+"="+tags[key])
	}
	return plan.ListOf(all...)
}
