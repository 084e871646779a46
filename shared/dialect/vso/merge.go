package vso

import (
	"cmp"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/dialect/vso/v1beta1"
)

// value is a text, and where it stands.
type value struct {
	text string
	at   *field.Path
}

// first is the first value with a text; without one, the first.
func first(values ...value) value {
	for _, v := range values {
		if v.text != "" {
			return v
		}
	}
	return values[0]
}

// method is what one of the methods says, in a VaultAuth or a VaultAuthGlobal.
type method struct {
	at         *field.Path // of the method; it need not be there
	set        bool
	role       string // or the id of an AppRole
	account    string
	secret     string
	path       string // of a file
	audiences  []string
	expiration int64

	// Of a VaultAuthGlobal alone.
	namespace, mount string
	params, headers  map[string]string
}

// roleField is the field of a method's role.
func roleField(name string) string {
	if name == v1beta1.MethodAppRole {
		return "roleId"
	}
	return "role"
}

func kubernetes(at *field.Path, k *v1beta1.Kubernetes) method {
	return method{
		at: at, set: true, role: k.Role, account: k.ServiceAccount, audiences: k.Audiences, expiration: k.TokenExpirationSeconds,
	}
}

func jwt(at *field.Path, j *v1beta1.JWT) method {
	return method{
		at: at, set: true, role: j.Role, account: j.ServiceAccount, secret: j.SecretRef, audiences: j.Audiences,
		expiration: j.TokenExpirationSeconds,
	}
}

func appRole(at *field.Path, a *v1beta1.AppRole) method {
	return method{at: at, set: true, role: a.RoleID, secret: a.SecretRef, path: a.SecretIDPath}
}

// methodOf is what a VaultAuth, whose spec is at a path, says of a method.
func methodOf(at *field.Path, spec *v1beta1.VaultAuthSpec, name string) method {
	at = at.Child(name)
	switch {
	case name == v1beta1.MethodKubernetes && spec.Kubernetes != nil:
		return kubernetes(at, spec.Kubernetes)
	case name == v1beta1.MethodJWT && spec.JWT != nil:
		return jwt(at, spec.JWT)
	case name == v1beta1.MethodAppRole && spec.AppRole != nil:
		return appRole(at, spec.AppRole)
	}
	return method{at: at}
}

// globalMethodOf is what a VaultAuthGlobal, whose spec is at a path, says of a method.
func globalMethodOf(at *field.Path, spec *v1beta1.VaultAuthGlobalSpec, name string) (m method) {
	at = at.Child(name)
	var more *v1beta1.GlobalMethod
	switch {
	case name == v1beta1.MethodKubernetes && spec.Kubernetes != nil:
		m, more = kubernetes(at, &spec.Kubernetes.Kubernetes), &spec.Kubernetes.GlobalMethod
	case name == v1beta1.MethodJWT && spec.JWT != nil:
		m, more = jwt(at, &spec.JWT.JWT), &spec.JWT.GlobalMethod
	case name == v1beta1.MethodAppRole && spec.AppRole != nil:
		m, more = appRole(at, &spec.AppRole.AppRole), &spec.AppRole.GlobalMethod
	default:
		return method{at: at}
	}
	m.namespace, m.mount, m.params, m.headers = more.Namespace, more.Mount, more.Params, more.Headers
	return m
}

// merged is a VaultAuth over its VaultAuthGlobal.
type merged struct {
	at   *field.Path // of the spec of the VaultAuth
	name value       // of the method
	// own and global are what both say of it. Without a VaultAuthGlobal, the latter is empty.
	own, global method
	hasGlobal   bool

	mount, namespace value
	headers, params  []header
}

// header is a header or a parameter of logins.
type header struct {
	name string
	value
}

// merge puts a VaultAuth over its VaultAuthGlobal, which may be nil. Their specs are at paths.
func merge(at *field.Path, spec *v1beta1.VaultAuthSpec, globalAt *field.Path, global *v1beta1.VaultAuthGlobalSpec) merged {
	m := merged{at: at, name: value{spec.Method, at.Child("method")}, hasGlobal: global != nil}
	if global == nil {
		global = &v1beta1.VaultAuthGlobalSpec{}
	}
	m.name = first(m.name, value{global.DefaultAuthMethod, globalAt.Child("defaultAuthMethod")})
	m.own, m.global = methodOf(at, spec, m.name.text), globalMethodOf(globalAt, global, m.name.text)
	m.mount = first(value{spec.Mount, at.Child("mount")}, value{m.global.mount, m.global.at.Child("mount")},
		value{global.DefaultMount, globalAt.Child("defaultMount")})
	m.namespace = first(value{spec.Namespace, at.Child("namespace")}, value{m.global.namespace, m.global.at.Child("namespace")},
		value{global.DefaultVaultNamespace, globalAt.Child("defaultVaultNamespace")})
	var how v1beta1.MergeStrategy
	if ref := spec.VaultAuthGlobalRef; ref != nil && ref.MergeStrategy != nil {
		how = *ref.MergeStrategy
	}
	m.headers = mergeTexts(how.Headers, textsAt(at.Child("headers"), spec.Headers), textsAt(m.global.at.Child("headers"), m.global.headers),
		textsAt(globalAt.Child("headers"), global.Headers))
	m.params = mergeTexts(how.Params, textsAt(at.Child("params"), spec.Params), textsAt(m.global.at.Child("params"), m.global.params),
		textsAt(globalAt.Child("params"), global.Params))
	return m
}

// textsAt are the texts of a map that is at a path, in the order of their names.
func textsAt(at *field.Path, texts map[string]string) []header {
	all := make([]header, 0, len(texts))
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		all = append(all, header{name, value{texts[name], at.Key(name)}})
	}
	return all
}

// mergeTexts merges those of a VaultAuth with those of the method of a VaultAuthGlobal, and of the VaultAuthGlobal.
func mergeTexts(how string, own, ofMethod, ofAll []header) []header {
	switch how {
	case v1beta1.MergeUnion:
		all := map[string]header{}
		for _, h := range slices.Concat(ofAll, ofMethod, own) {
			all[h.name] = h
		}
		return slices.SortedFunc(maps.Values(all), func(a, b header) int { return cmp.Compare(a.name, b.name) })
	case v1beta1.MergeReplace:
		for _, some := range [][]header{own, ofMethod} {
			if len(some) > 0 {
				return some
			}
		}
		return ofAll
	}
	return own
}

// role is that of the login, or the id of the AppRole.
func (m *merged) role() value {
	name := roleField(m.name.text)
	return first(value{m.own.role, m.own.at.Child(name)}, value{m.global.role, m.global.at.Child(name)})
}

// prover is the method that says what the login proves itself by: the VaultAuth's, if it says so at all. Else what is unset there is the
// VaultAuthGlobal's.
func (m *merged) prover() *method {
	if m.own.account+m.own.secret+m.own.path != "" || m.global.account+m.global.secret+m.global.path == "" {
		return &m.own
	}
	return &m.global
}

// audiences are those of the token of a ServiceAccount, and where they stand.
func (m *merged) audiences() ([]string, *field.Path) {
	if len(m.own.audiences) > 0 || len(m.global.audiences) == 0 {
		return m.own.audiences, m.own.at.Child("audiences")
	}
	return m.global.audiences, m.global.at.Child("audiences")
}

// expiration is how long the token of a ServiceAccount is to be valid, and where that stands.
func (m *merged) expiration() (int64, *field.Path) {
	if m.own.expiration != 0 || m.global.expiration == 0 {
		return m.own.expiration, m.own.at.Child("tokenExpirationSeconds")
	}
	return m.global.expiration, m.global.at.Child("tokenExpirationSeconds")
}
