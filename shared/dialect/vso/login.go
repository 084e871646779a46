package vso

import (
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/vso/v1beta1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
)

// The keys of Secrets that logins need.
const (
	keyJWT      = "jwt"
	keySecretID = "id"
	keyCA       = "ca.crt"
)

// leastExpiration is how long tokens are valid: as short as the API server lets them be.
const leastExpiration = 600

// reading is a VaultAuth that an object reads by.
type reading struct {
	at        *field.Path // where its spec stands
	auth      *v1beta1.VaultAuth
	namespace string // of the object, whose ServiceAccounts and Secrets log in
	vault     value  // the namespace of Vault that the object names
}

// source is where and as whom an object reads. One without a backend is Vault Secrets Operator's to read: of that, keys alone are judged.
type source struct {
	store   plan.Store
	backend *backend.Backend
	places  plan.Places
}

// source understands a VaultAuth, or says what is wrong with it, and returns nil. Where something of it is not there yet, keys alone are
// judged.
func (b *builder) source(r reading) *source {
	before := len(b.Errs)
	m, connection, known := b.behind(r)
	s := &source{}
	if wrong, _ := dialect.Split(b.Errs[before:]); len(wrong) > 0 {
		return nil
	}
	if known {
		s = b.login(r, m, connection)
	}
	if s == nil || s.backend == nil {
		return s
	}
	s.backend.Check(b.Builder, s.store, s.places)
	if wrong, _ := dialect.Split(b.Errs[before:]); len(wrong) > 0 {
		return nil // a namespace need not judge what is none
	}
	b.Plan.Places[s.store] = s.places
	return s
}

// login is how a VaultAuth logs in to the server of a VaultConnection.
func (b *builder) login(r reading, m merged, connection server) *source {
	of, _ := backend.Of(backend.Vault)
	s := &source{backend: of, places: plan.Places{}, store: plan.Store{
		Backend: of.Name, Address: connection.address.text, ServerName: connection.name, Mount: trimmed(m.mount.text),
		Login: plan.Login{CAFrom: connection.ca},
	}}
	s.places[plan.Address] = plan.Place{Field: connection.address.at.String()}
	s.places[plan.Mount] = plan.Place{Field: m.mount.at.String()}
	for _, param := range m.params {
		b.unserved(param.at, "is not served: a login sends what its method needs, and nothing else")
	}
	b.namespaces(s, r, m, connection)
	b.otherMethods(m, &r.auth.Spec)
	if m.mount.text == "" {
		b.Fail(field.Required(m.mount.at, "the mount of the auth method"))
	}
	if m.name.text == "" {
		b.Fail(field.Required(m.name.at, "kubernetes, jwt or appRole"))
		return nil
	}
	if !b.knownMethod(m.name.at, m.name.text) {
		return &source{}
	}
	switch m.name.text {
	case v1beta1.MethodKubernetes:
		s.store.Method = backend.VaultKubernetes
		b.account(s, r, m)
	case v1beta1.MethodJWT:
		s.store.Method = backend.VaultJWT
		b.jwt(s, r, m)
	case v1beta1.MethodAppRole:
		s.store.Method = backend.VaultAppRole
		b.appRole(s, r, m)
	}
	b.role(s, m)
	return s
}

// served are the methods of logins that are.
var served = []string{v1beta1.MethodKubernetes, v1beta1.MethodJWT, v1beta1.MethodAppRole}

// knownMethod reports whether a method, which stands at a path, is served. If not, that is said.
func (b *builder) knownMethod(at *field.Path, name string) bool {
	switch {
	case slices.Contains(served, name):
		return true
	case name == v1beta1.MethodAWS || name == v1beta1.MethodGCP:
		b.unserved(at, name+" is not served: log in by kubernetes, jwt or appRole")
	default:
		b.Fail(field.NotSupported(at, name, served))
	}
	return false
}

// otherMethods refuses what a VaultAuth says of a method that it does not use: one of them is a mistake.
func (b *builder) otherMethods(m merged, spec *v1beta1.VaultAuthSpec) {
	for _, one := range []struct {
		name string
		set  bool
	}{
		{v1beta1.MethodKubernetes, spec.Kubernetes != nil}, {v1beta1.MethodJWT, spec.JWT != nil},
		{v1beta1.MethodAppRole, spec.AppRole != nil}, {v1beta1.MethodAWS, spec.AWS != nil}, {v1beta1.MethodGCP, spec.GCP != nil},
	} {
		if one.set && one.name != m.name.text && m.name.text != "" {
			b.Fail(field.Forbidden(m.at.Child(one.name), "the method is "+m.name.text+": remove what is said of another one"))
		}
	}
}

// role is the role of the login.
func (b *builder) role(s *source, m merged) {
	role := m.role()
	s.store.Role, s.places[plan.Role] = role.text, plan.Place{Field: role.at.String()}
	switch {
	case role.text != "":
	case m.hasGlobal:
		b.Fail(field.Required(role.at, "invalid merge: empty role: set it here, or in the VaultAuthGlobal"))
	default:
		b.Fail(field.Required(role.at, "the role of Vault"))
	}
}

// account is a login by the token of a ServiceAccount, of the namespace of the object.
func (b *builder) account(s *source, r reading, m merged) {
	from := m.prover()
	at := from.at.Child("serviceAccount")
	if from.account == "" {
		b.Fail(field.Required(at, "a ServiceAccount of the object's namespace"))
		return
	}
	audiences, audiencesAt := m.audiences()
	for n, audience := range audiences {
		b.audience(audiencesAt.Index(n), audience)
	}
	s.store.Credential = plan.Credential{
		Kind: plan.AccountCredential, Namespace: r.namespace, Name: from.account, Audiences: plan.ListOf(audiences...),
	}
	s.places[plan.Account] = plan.Place{Field: at.String()}
	switch {
	case !b.itself || len(audiences) > 0:
	case b.ours:
		b.Warn("%s is not set: the token is for the audience vault, and never for the API server's: set audiences: [vault], and "+
			"audience=vault on the role of Vault", audiencesAt)
	default:
		b.Warn("%s is not set: what the token is for, Vault Secrets Operator's documents do not say; one for the API server can act in the "+
			"cluster as the ServiceAccount: set audiences: [vault], and audience=vault on the role of Vault", audiencesAt)
	}
	if seconds, at := m.expiration(); seconds != 0 && seconds != leastExpiration {
		b.meaningless(at, "tokens are of 10 minutes")
	}
}

func (b *builder) audience(at *field.Path, audience string) {
	if audience == "" {
		b.Fail(field.Required(at, "the audience"))
	}
	b.Canonical(at, audience, plan.PlainText)
}

// jwt is a login by a token of a Secret, or of a ServiceAccount.
func (b *builder) jwt(s *source, r reading, m merged) {
	switch from := m.prover(); {
	case from.secret != "" && from.account != "":
		b.Fail(field.Forbidden(from.at.Child("serviceAccount"), "secretRef is set, too: remove one of them"))
	case from.secret != "":
		s.store.Credential = b.secret(from.at.Child("secretRef"), r.namespace, from.secret, keyJWT)
	case from.account != "":
		b.account(s, r, m)
	default:
		b.Fail(field.Required(from.at, "secretRef or serviceAccount is needed"))
	}
}

// appRole is a login by the id of an AppRole, and a secret id.
func (b *builder) appRole(s *source, r reading, m merged) {
	switch from := m.prover(); {
	case from.path != "":
		b.unserved(from.at.Child("secretIDPath"), "is not served: it names a file of the operator's, whose rights are not the object's; "+
			"keep the secret id in a Secret, and write secretRef")
	case from.secret == "":
		b.Fail(field.Required(from.at.Child("secretRef"), "the Secret with the key id"))
	default:
		s.store.Credential = b.secret(from.at.Child("secretRef"), r.namespace, from.secret, keySecretID)
	}
}

// secret is what a Secret has as a key.
func (b *builder) secret(at *field.Path, namespace, name, key string) plan.Credential {
	b.Canonical(at, name, plan.ObjectName)
	return plan.Credential{Kind: plan.SecretCredential, Namespace: namespace, Name: name, Key: key}
}

// namespaces are those of Vault: that of the login, and that of the secret, which is the same unless the object says so.
func (b *builder) namespaces(s *source, r reading, m merged, connection server) {
	login := m.namespace
	if by := b.headerNamespace(m.headers); by.text != "" {
		login = b.prefer(login, by)
	}
	if connection.namespace.text != "" {
		login = b.prefer(login, connection.namespace)
	}
	read := login
	if trimmed(r.vault.text) != "" {
		read = r.vault
	}
	s.store.Namespace, s.places[plan.Namespace] = trimmed(read.text), plan.Place{Field: read.at.String()}
	switch in := trimmed(login.text); in {
	case s.store.Namespace:
	case "":
		s.store.Login.Root = true
	default:
		s.store.Login.Namespace = in
		b.Canonical(login.at, in, s.backend.Store[plan.Namespace])
		b.Plan.Choices = append(b.Plan.Choices, plan.Choice{
			At: login.at.String(), Value: in, Annotation: names.AnnotationPermittedVaultNamespace,
		})
	}
}

// prefer is one namespace, or without a text another one. Where both differ, that is said.
func (b *builder) prefer(one, other value) value {
	if one.text == "" {
		return other
	}
	if trimmed(one.text) != trimmed(other.text) {
		b.Warn("%s has no effect: %s is another namespace, and wins", other.at, one.at)
	}
	return one
}

// headerNamespace is the namespace of Vault that some headers name. All others are refused.
func (b *builder) headerNamespace(headers []header) (found value) {
	for _, h := range headers {
		switch {
		case !isNamespaceHeader(h.name):
			b.unserved(h.at, "is not served: of headers, "+headerNamespace+" alone is")
		case found.text != "" && found.text != h.text:
			b.Fail(field.Forbidden(h.at, "the header stands there twice: remove one of them"))
		default:
			found = h.value
		}
	}
	return found
}

// meaningless warns the author of a VaultAuth or a VaultConnection of what it says and the syncer does not heed.
func (b *builder) meaningless(at *field.Path, why string) {
	if b.itself && b.ours {
		b.Warn("%s has no meaning here, and is ignored: %s; remove it", at, why)
	}
}

// admitted are the namespaces that may use an object of one, by its list and by that of the installation.
func (b *builder) admitted(own string, list []string) []string {
	return slices.Concat([]string{own, b.installation.OperatorNamespace}, list)
}
