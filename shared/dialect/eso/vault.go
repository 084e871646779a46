package eso

import (
	"cmp"
	"encoding/pem"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/backend"
	v1 "github.com/secretgate/secretgate/shared/dialect/eso/v1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
)

const headerVaultNamespace = "X-Vault-Namespace"

// vault is HashiCorp's.
func (b *builder) vault(at *field.Path, r reading, p *v1.VaultProvider) (*source, plan.Places) {
	of, _ := backend.Of(backend.Vault)
	s := &source{syntax: plan.GJSON, backend: of, store: plan.Store{Backend: of.Name, Address: canonical(p.Server)}}
	if p.Server == "" {
		b.Fail(field.Required(at.Child("server"), "a store has no default"))
	}
	engine := int32(2)
	switch p.Version {
	case "", "v2":
	case "v1":
		engine = 1
	default:
		b.Fail(field.NotSupported(at.Child("version"), p.Version, []string{"v1", "v2"}))
	}
	mount := ""
	if p.Path != nil {
		mount = strings.Trim(*p.Path, "/")
		b.Canonical(at.Child("path"), mount, plan.Path)
	}
	s.read = vaultRead(of, mount, engine)
	if mount != "" {
		s.find = vaultFind(of, mount, engine)
	}
	namespaceAt := b.vaultNamespace(at, p, s)
	b.vaultTrust(at, r, p, s)
	if p.TLS.CertSecretRef != nil || p.TLS.KeySecretRef != nil {
		b.unserved(at.Child("tls"), "client certificates are not served: log in by kubernetes, jwt, appRole or a token")
	}
	if p.ForwardInconsistent {
		b.unserved(at.Child("forwardInconsistent"), "is not served: read from an active node")
	}
	if p.CheckAndSet != nil {
		b.Warn("%s has no meaning here, and is ignored: remove it", at.Child("checkAndSet"))
	}
	places := plan.Places{plan.Address: {Field: at.Child("server").String()}, plan.Namespace: {Field: namespaceAt.String()}}
	b.vaultAuth(at.Child("auth"), r, p.Auth, s, places)
	return s, places
}

// canonical is a URL without a slash at its end, and with its scheme and host in lower case.
func canonical(server string) string {
	u, err := url.Parse(strings.TrimRight(server, "/"))
	if err != nil || u.Path != "" {
		return server
	}
	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	return u.String()
}

// vaultNamespace is the namespace to read in, by its field or its header. It returns where it stands.
func (b *builder) vaultNamespace(at *field.Path, p *v1.VaultProvider, s *source) *field.Path {
	where := at.Child("namespace")
	if p.Namespace != nil {
		s.store.Namespace = strings.Trim(*p.Namespace, "/")
	}
	for _, name := range slices.Sorted(maps.Keys(p.Headers)) {
		at, value := at.Child("headers").Key(name), strings.Trim(p.Headers[name], "/")
		switch {
		case !strings.EqualFold(name, headerVaultNamespace):
			b.unserved(at, "is not served: of headers, "+headerVaultNamespace+" alone is")
		case s.store.Namespace != "" && s.store.Namespace != value:
			b.Fail(field.Forbidden(at, "differs from namespace: write it there alone"))
		default:
			s.store.Namespace, where = value, at
		}
	}
	return where
}

// vaultTrust is which CAs are trusted.
func (b *builder) vaultTrust(at *field.Path, r reading, p *v1.VaultProvider, s *source) {
	if len(p.CABundle) > 0 {
		if block, _ := pem.Decode(p.CABundle); block == nil {
			b.Fail(field.Invalid(at.Child("caBundle"), field.OmitValueType{}, "must be certificates, as PEM in base64"))
		}
		s.store.CA = string(p.CABundle)
	}
	ca := p.CAProvider
	if ca == nil {
		return
	}
	at = at.Child("caProvider")
	from := plan.Credential{Kind: plan.SecretCredential, Name: ca.Name, Key: ca.Key, Namespace: b.namespace(at, r, ca.Namespace)}
	b.named(at, ca.Name)
	switch {
	case ca.Type == "ConfigMap":
		from.Kind = plan.ConfigMapCredential
	case ca.Type != "Secret":
		b.Fail(field.NotSupported(at.Child("type"), ca.Type, []string{"Secret", "ConfigMap"}))
	}
	if ca.Key == "" {
		b.Fail(field.Required(at.Child("key"), "the key of the "+cmp.Or(ca.Type, "Secret")))
	} else {
		b.EntryName(at.Child("key"), ca.Key)
	}
	if s.store.CA != "" {
		b.Warn("%s has no meaning beside caBundle, and is ignored: remove it", at)
		return
	}
	s.store.Login.CAFrom = from
}

// vaultAuth is who reads.
func (b *builder) vaultAuth(at *field.Path, r reading, auth *v1.VaultAuth, s *source, places plan.Places) {
	if auth == nil {
		b.Fail(field.Required(at, "tokenSecretRef, appRole, kubernetes or jwt is needed"))
		return
	}
	if auth.Namespace != nil && strings.Trim(*auth.Namespace, "/") != s.store.Namespace {
		login := strings.Trim(*auth.Namespace, "/")
		s.store.Login.Namespace = login
		b.Canonical(at.Child("namespace"), login, s.backend.Store[plan.Namespace])
		b.Plan.Choices = append(b.Plan.Choices, plan.Choice{
			At: at.Child("namespace").String(), Value: login, Annotation: names.AnnotationPermittedVaultNamespace,
		})
	}
	switch {
	case auth.TokenSecretRef != nil:
		s.store.Method = backend.VaultToken
		s.store.Credential = b.secret(at.Child("tokenSecretRef"), r, *auth.TokenSecretRef, "token")
	case auth.AppRole != nil:
		b.vaultAppRole(at.Child("appRole"), r, auth.AppRole, s, places)
	case auth.Kubernetes != nil:
		b.vaultKubernetes(at.Child("kubernetes"), r, auth.Kubernetes, s, places)
	case auth.LDAP != nil, auth.UserPass != nil:
		b.unserved(at, "ldap and userPass are not served: log in by kubernetes, jwt, appRole or a token")
	case auth.JWT != nil:
		b.vaultJWT(at.Child("jwt"), r, auth.JWT, s, places)
	case auth.Cert != nil, auth.IAM != nil, auth.GCP != nil:
		b.unserved(at, "cert, iam and gcp are not served: log in by kubernetes, jwt, appRole or a token")
	default:
		b.Fail(field.Required(at, "tokenSecretRef, appRole, kubernetes or jwt is needed"))
	}
}

func (b *builder) vaultAppRole(at *field.Path, r reading, a *v1.VaultAppRole, s *source, places plan.Places) {
	s.store.Method, s.store.Mount, s.store.Role = backend.VaultAppRole, cmp.Or(strings.Trim(a.Path, "/"), "approle"), a.RoleID
	places[plan.Mount], places[plan.Role] = plan.Place{Field: at.Child("path").String()}, plan.Place{Field: at.Child("roleId").String()}
	s.store.Credential = b.secret(at.Child("secretRef"), r, a.SecretRef, "")
	switch {
	case a.RoleID != "" && a.RoleRef != nil:
		b.Fail(field.Forbidden(at.Child("roleRef"), "roleId is set, too: remove one of them"))
	case a.RoleRef != nil:
		s.store.Login.Identifier = b.secret(at.Child("roleRef"), r, *a.RoleRef, "")
		b.chooseRole(at.Child("roleRef"), "") // what a Secret holds is not judged, which denies where roles are limited
	case a.RoleID == "":
		b.Fail(field.Required(at.Child("roleId"), "roleId or roleRef is needed"))
	}
}

func (b *builder) vaultKubernetes(at *field.Path, r reading, k *v1.VaultKubernetes, s *source, places plan.Places) {
	s.store.Method, s.store.Mount, s.store.Role = backend.VaultKubernetes, cmp.Or(strings.Trim(k.Path, "/"), "kubernetes"), k.Role
	places[plan.Mount], places[plan.Role] = plan.Place{Field: at.Child("mountPath").String()}, plan.Place{Field: at.Child("role").String()}
	if k.Role == "" {
		b.Fail(field.Required(at.Child("role"), "a store has no default"))
	}
	switch {
	case k.ServiceAccountRef != nil:
		at := at.Child("serviceAccountRef")
		s.store.Credential = b.account(at, r, *k.ServiceAccountRef)
		places[plan.Account] = plan.Place{Field: at.Child("name").String()}
		if !b.ours && len(k.ServiceAccountRef.Audiences) == 0 {
			b.Warn("%s has no audiences, so that External Secrets Operator sends a token of the API server's to %s, which can act in the "+
				"cluster as the ServiceAccount: set audiences: [vault]", at, "the server")
		}
	case k.SecretRef != nil:
		s.store.Credential = b.secret(at.Child("secretRef"), r, *k.SecretRef, "token")
	default:
		b.ownIdentity(at, r, "set serviceAccountRef")
	}
}

func (b *builder) vaultJWT(at *field.Path, r reading, j *v1.VaultJWT, s *source, places plan.Places) {
	s.store.Method, s.store.Mount, s.store.Role = backend.VaultJWT, cmp.Or(strings.Trim(j.Path, "/"), "jwt"), j.Role
	places[plan.Mount], places[plan.Role] = plan.Place{Field: at.Child("path").String()}, plan.Place{Field: at.Child("role").String()}
	if j.Role == "" {
		b.Fail(field.Required(at.Child("role"), "a store has no default"))
	}
	switch token := j.KubernetesServiceAccountToken; {
	case token != nil:
		at := at.Child("kubernetesServiceAccountToken")
		ref := token.ServiceAccountRef
		var audiences []string
		if token.Audiences != nil {
			audiences = *token.Audiences
			for n, audience := range audiences {
				b.audience(at.Child("audiences").Index(n), audience)
			}
		}
		s.store.Credential = b.account(at.Child("serviceAccountRef"), r, ref, audiences...)
		places[plan.Account] = plan.Place{Field: at.Child("serviceAccountRef", "name").String()}
		if token.ExpirationSeconds != nil {
			b.Warn("%s has no meaning here, and is ignored: tokens are of 10 minutes; remove it", at.Child("expirationSeconds"))
		}
	case j.SecretRef != nil:
		s.store.Credential = b.secret(at.Child("secretRef"), r, *j.SecretRef, "jwt")
	default:
		b.Fail(field.Required(at, "secretRef or kubernetesServiceAccountToken is needed"))
	}
}

// vaultRead makes a key the full logical path, as all dialects have it: mount/data/key, or mount/key of an engine of version 1.
func vaultRead(of *backend.Backend, mount string, engine int32) func(*builder, *field.Path, *v1.RemoteRef) plan.Read {
	return func(b *builder, at *field.Path, ref *v1.RemoteRef) plan.Read {
		if ref.Version != "" {
			if n, err := strconv.ParseUint(ref.Version, 10, 31); err != nil || n == 0 || engine == 1 {
				b.Fail(field.Invalid(at.Child("version"), ref.Version, "must be the number of a version, of an engine of version 2"))
			}
		}
		read := of.Read(plan.Read{Key: logical(mount, engine, ref.Key), EngineVersion: engine})
		read.Version = ref.Version
		return read
	}
}

// logical is the full logical path of a key.
func logical(mount string, engine int32, key string) string {
	switch {
	case key == "":
		return ""
	case mount != "" && engine == 1:
		return mount + "/" + strings.TrimPrefix(key, mount+"/")
	case mount != "":
		if below, found := strings.CutPrefix(key, mount+"/"); found {
			key = strings.TrimPrefix(below, "data/")
		}
		return mount + "/data/" + key
	case engine == 1 || strings.Contains(key, "/data/"):
		return key
	}
	first, rest, found := strings.Cut(key, "/")
	if !found {
		return key
	}
	return first + "/data/" + rest
}

// vaultFind is what is below a folder of a mount.
func vaultFind(of *backend.Backend, mount string, engine int32) func(*builder, *field.Path, *v1.Find) (plan.Read, bool) {
	return func(b *builder, at *field.Path, find *v1.Find) (plan.Read, bool) {
		key := mount
		if engine == 2 {
			key += "/data"
		}
		if find.Path != nil {
			if folder := strings.Trim(*find.Path, "/"); folder != "" {
				b.Canonical(at.Child("path"), folder, plan.Path)
				key += "/" + folder
			}
		}
		read := of.Read(plan.Read{Key: key, Path: true, Recursive: true, EngineVersion: engine})
		read.EngineMount, read.Tags = mount, b.tags(at.Child("tags"), find.Tags)
		if engine == 1 && read.Tags != "" {
			b.Fail(field.Forbidden(at.Child("tags"), "an engine of version 1 has no tags"))
		}
		return read, true
	}
}
