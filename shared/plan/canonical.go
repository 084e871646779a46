package plan

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/validation/field"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
)

// A rule says what is wrong with a value, or nothing. Patterns are matched against what the object
// says; a value that the backend, a proxy or an HTTP client would read as another one
// (secret/data/team-a/../team-b) would defeat any pattern, so only one spelling of each is accepted.
type rule func(value string) (problem string)

// keyRules holds the rule for data[].key, data[].path and dataFrom[] of each backend.
var keyRules = map[apiv1.Backend]rule{
	apiv1.BackendAWSSecretsManager: plainText, // sent in a JSON body
	apiv1.BackendAWSParameterStore: plainText, // sent in a JSON body
	apiv1.BackendVault:             vaultKey,  // becomes part of a URL's path
	apiv1.BackendAzureKeyVault:     azureKey,  // becomes part of a URL's path
	apiv1.BackendGCPSecretManager:  identifier,
	apiv1.BackendAlicloudKMS:       plainText, // sent as a query parameter, escaped
}

var (
	hostLabelPattern  = regexp.MustCompile(`\A[0-9A-Za-z]([0-9A-Za-z-]*[0-9A-Za-z])?\z`)
	regionPattern     = regexp.MustCompile(`\A[0-9a-z]([0-9a-z-]*[0-9a-z])?\z`)
	projectPattern    = regexp.MustCompile(`\A[0-9a-z]([0-9a-z.:-]*[0-9a-z])?\z`)
	identifierPattern = regexp.MustCompile(`\A[0-9A-Za-z_-]+\z`)
)

// fieldRules are the rules of the fields of a spec that an installation may set for objects that do not.
var fieldRules = map[string]rule{
	"roleArn": awsRole, "region": region, "vaultMountPoint": vaultPath, "vaultRole": plainText,
	"keyVaultName": hostLabel, "projectId": project,
}

// Unusable says why an installation's value for a field of a spec can never be used, or nothing: as it stands in for the field,
// it would be the fault of every object that lacks it.
func Unusable(name, value string) (problem string) {
	switch {
	case value == "":
		return ""
	case utf8.RuneCountInString(value) > maxText:
		return fmt.Sprintf("may not be more than %d characters", maxText)
	}
	return fieldRules[name](value)
}

// maxText bounds every value that names something, in characters, as the CRD does for keys: patterns
// are matched against it, and messages repeat it.
const maxText = 2048

// field judges the effective value of a field of the spec.
func (b *builder) field(name, value string) {
	b.canonical(b.in.at.Child(name), value, fieldRules[name])
}

// canonical refuses a value that its rule finds wrong. Empty values are the business of others.
func (b *builder) canonical(at *field.Path, value string, r rule) {
	if value == "" || r == nil {
		return
	}
	if utf8.RuneCountInString(value) > maxText {
		b.fail(field.TooLongCharacters(at, value, maxText))
		return
	}
	if problem := r(value); problem != "" {
		b.fail(field.Invalid(at, value, problem))
	}
}

// plainText is for values that travel in a body: nothing in them changes what is asked for. Invisible
// characters would make two values look alike in a pattern, a message or a log.
func plainText(value string) string {
	if !utf8.ValidString(value) {
		return "must be UTF-8"
	}
	if strings.ContainsFunc(value, unicode.IsControl) {
		return "must not contain control characters"
	}
	if strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "must not contain invisible characters"
	}
	if strings.TrimSpace(value) != value {
		return "must not start or end with white space"
	}
	return ""
}

// vaultPath is for logical paths and mounts, which become part of a URL's path.
func vaultPath(value string) string {
	problem := pathProblem(value)
	if problem == "" {
		return ""
	}
	if better := spelledOut(value); pathProblem(better) == "" {
		return problem + ": write " + better
	}
	return problem
}

func pathProblem(value string) string {
	if problem := plainText(value); problem != "" {
		return problem
	}
	if strings.ContainsAny(value, `%?#\`) {
		return `must not contain %, ?, # or \, which a URL's path gives another meaning`
	}
	for segment := range strings.SplitSeq(value, "/") {
		switch segment {
		case "":
			return "must not start or end with / nor contain //"
		case ".", "..":
			return "must not contain the path segments . and .."
		}
	}
	return ""
}

// spelledOut is a path as its author may mean it: with slashes for %2F, and none that separates nothing.
func spelledOut(value string) string {
	segments := strings.Split(strings.NewReplacer("%2F", "/", "%2f", "/").Replace(value), "/")
	return strings.Join(slices.DeleteFunc(segments, func(segment string) bool { return segment == "" }), "/")
}

// vaultKey is for logical paths that are read. Vault's own paths hold what belongs to the syncer:
// auth/token/lookup-self answers its token, identity/oidc/token/… one in its name. A secrets engine
// cannot be mounted there.
func vaultKey(value string) string {
	segments := strings.Split(value, "/")
	switch first := segments[0]; first {
	case "auth", "cubbyhole", "identity", "sys":
		return "must not start with " + first + "/, where Vault keeps what belongs to the syncer: write secret/data/name"
	}
	if syncersInNamespace(segments) {
		return "must not end like a path of Vault that answers a token of the syncer: give the secret another name"
	}
	return vaultPath(value)
}

// syncersInNamespace tells paths that answer a token of the syncer in a namespace of Vault Enterprise, whose name comes first:
// ns1/auth/token/lookup-self. Its other own paths cannot be told from those of a secrets engine: the first segments of
// secret/auth/github may be a namespace or a mount. They hold nothing of the syncer's; Vault's policies judge who reads them.
func syncersInNamespace(segments []string) bool {
	n := len(segments)
	return n > 3 && slices.Equal(segments[n-3:], []string{"auth", "token", "lookup-self"}) ||
		n > 4 && slices.Equal(segments[n-4:n-1], []string{"identity", "oidc", "token"})
}

// azureKey is a secret's name, or its name and version with a slash between.
func azureKey(value string) string {
	name, version, versioned := strings.Cut(value, "/")
	if !hostLabelPattern.MatchString(name) || versioned && !hostLabelPattern.MatchString(version) {
		return "must be a secret's name, or name/version, of letters, digits and dashes"
	}
	return ""
}

func hostLabel(value string) string {
	return unless(hostLabelPattern, value, "must be letters, digits and dashes: it becomes a host name")
}

func region(value string) string {
	return unless(regionPattern, value, "must be lower-case letters, digits and dashes, as in eu-west-1: it becomes a host name")
}

func project(value string) string {
	return unless(projectPattern, value, "must be a project id or number: lower-case letters, digits, dashes, dots and colons")
}

func identifier(value string) string {
	return unless(identifierPattern, value, "must be letters, digits, _ and -")
}

func unless(pattern *regexp.Regexp, value, problem string) string {
	if pattern.MatchString(value) {
		return ""
	}
	return problem
}
