package plan

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/validation"
)

// A Rule says what is wrong with a value, or nothing. Patterns are matched against what the object
// says; a value that the backend, a proxy or an HTTP client would read as another one
// (secret/data/team-a/../team-b) would defeat any pattern, so only one spelling of each is accepted.
type Rule func(value string) (problem string)

// MaxText bounds every value that names something, in characters, as CRDs do for keys: patterns
// are matched against it, and messages repeat it.
const MaxText = 2048

// PlainText is for values that travel in a body: nothing in them changes what is asked for. Invisible
// characters would make two values look alike in a pattern, a message or a log.
func PlainText(value string) string {
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

// Path is for what becomes part of a URL's path.
func Path(value string) string {
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
	if problem := PlainText(value); problem != "" {
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

// ObjectName is for names of objects of the cluster, which become part of a URL's path.
func ObjectName(value string) string {
	if len(validation.IsDNS1123Subdomain(value)) > 0 {
		return "must be the name of an object, of lower-case letters, digits, dashes and dots"
	}
	return ""
}

// ServerName is for the name that a server's certificate must have. It has one spelling.
func ServerName(value string) string {
	if address, err := netip.ParseAddr(value); err == nil && address.String() == value && address.Zone() == "" {
		return ""
	}
	if len(validation.IsDNS1123Subdomain(value)) > 0 {
		return "must be a host name in lower case, such as vault.example.com, or an address"
	}
	return ""
}

// Matches is a Rule for values that a pattern must match.
func Matches(pattern *regexp.Regexp, problem string) Rule {
	return func(value string) string {
		if pattern.MatchString(value) {
			return ""
		}
		return problem
	}
}

// Both is a Rule for values that two Rules must accept.
func Both(first, second Rule) Rule {
	return func(value string) string {
		if problem := first(value); problem != "" {
			return problem
		}
		return second(value)
	}
}

var (
	hostLabelPattern  = regexp.MustCompile(`\A[0-9A-Za-z]([0-9A-Za-z-]*[0-9A-Za-z])?\z`)
	identifierPattern = regexp.MustCompile(`\A[0-9A-Za-z_-]+\z`)
)

// IsHostLabel reports whether a value can be one part of a host name.
func IsHostLabel(value string) bool { return hostLabelPattern.MatchString(value) }

// Identifier is for names of letters, digits, _ and -.
func Identifier(value string) string {
	return Matches(identifierPattern, "must be letters, digits, _ and -")(value)
}
