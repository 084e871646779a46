package ssm

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds/aws/api"
)

// maxVersions is how many versions of a parameter are kept. The oldest goes, unless it carries a label.
const maxVersions = 100

type version struct {
	number   int64
	kind     string // String, StringList or SecureString
	keyID    string // of SecureString: the ARN of a key, or AWS's own
	value    string
	modified time.Time
	labels   []string
}

// parameter is one parameter with its versions, oldest first. Its store's lock guards it.
type parameter struct {
	name     string
	versions []*version
	tags     map[string]string // never changed, only replaced
}

func (p *parameter) newest() *version { return p.versions[len(p.versions)-1] }

// choose picks the version that a selector means: a number, a label, or nothing for the newest.
func (p *parameter) choose(selector string) *version {
	if selector == "" {
		return p.newest()
	}
	i := slices.IndexFunc(p.versions, func(v *version) bool {
		return strconv.FormatInt(v.number, 10) == selector || slices.Contains(v.labels, selector)
	})
	if i < 0 {
		return nil
	}
	return p.versions[i]
}

func (p *parameter) add(v *version) error {
	if len(p.versions) > 0 {
		v.number = p.newest().number
	}
	v.number++
	if len(p.versions) == maxVersions {
		if len(p.versions[0].labels) > 0 {
			return api.Errorf("ParameterMaxVersionLimitExceeded",
				"You attempted to create a new version of %s, but the oldest version can't be deleted because it carries a label.", p.name)
		}
		p.versions = p.versions[1:]
	}
	p.versions = append(p.versions, v)
	return nil
}

// label moves labels to a version. Slices are replaced: answers that are being written may still hold the old ones.
func (p *parameter) label(to *version, labels []string) {
	for _, v := range p.versions {
		v.labels = slices.DeleteFunc(slices.Clone(v.labels), func(l string) bool { return slices.Contains(labels, l) })
	}
	to.labels = append(to.labels, labels...)
}

// store holds the parameters of one account, by region and name. Locks are held for work in memory only.
type store struct {
	account string
	mu      sync.RWMutex
	regions map[string]map[string]*parameter
}

// reference is what an id means: a name or ARN, and the selector after its colon.
type reference struct{ name, selector string }

func (s *store) parse(region, id string) reference {
	prefix := "arn:aws:ssm:" + region + ":" + s.account + ":parameter"
	id, byARN := strings.CutPrefix(id, prefix)
	name, selector, _ := strings.Cut(id, ":")
	if byARN && strings.Count(name, "/") == 1 { // the ARN of a name without slashes
		name = strings.TrimPrefix(name, "/")
	}
	return reference{name, selector}
}

// arn of a name; of a path with a slash at its end, too, which permissions then are judged by.
func (s *store) arn(region, name string) string {
	return "arn:aws:ssm:" + region + ":" + s.account + ":parameter/" + strings.TrimPrefix(name, "/")
}

var (
	nameForm  = regexp.MustCompile(`^/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+){0,14}$`)
	labelForm = regexp.MustCompile(`^[A-Za-z._-][A-Za-z0-9._-]{0,99}$`)
	keyForm   = regexp.MustCompile(`^arn:aws:kms:[a-z0-9-]+:\d{12}:key/[0-9a-f-]{36}$`)
)

// checkName refuses names that no parameter can have.
func checkName(name string) error {
	lower := strings.TrimPrefix(strings.ToLower(name), "/")
	switch {
	case len(name) > 1011:
		return api.Errorf("ValidationException", "Parameter name must be 1011 characters at most.")
	case strings.Contains(name, "/") && !strings.HasPrefix(name, "/"):
		return api.Errorf("ValidationException", "Parameter name must be a fully qualified name.")
	case strings.HasPrefix(lower, "aws"), strings.HasPrefix(lower, "ssm"):
		return api.Errorf("ValidationException", `Parameter name: can't be prefixed with "aws" or "ssm" (case-insensitive).`)
	case strings.Count(name, "/") > 15:
		return api.Errorf("HierarchyLevelLimitExceededException", "Parameter name must have 15 levels at most.")
	case !nameForm.MatchString(name):
		return api.Errorf("ValidationException",
			"Invalid parameter name. Please use correct syntax for referencing a version/label <name>:<version/label>")
	}
	return nil
}

func (v *version) check() error {
	switch {
	case v.kind != "String" && v.kind != "StringList" && v.kind != "SecureString":
		return api.Errorf("UnsupportedParameterType", "The parameter type %s isn't supported.", v.kind)
	case v.value == "":
		return api.Validation("value", "", "Member must have length greater than or equal to 1")
	case len(v.value) > 8192:
		return api.Errorf("ValidationException", "Advanced tier parameters support a maximum parameter value of 8192 characters.")
	case v.keyID != "" && v.kind != "SecureString":
		return api.Errorf("ValidationException", "KeyId is required for SecureString type parameter only.")
	case v.keyID != "" && v.keyID != awsKey && !keyForm.MatchString(v.keyID):
		return api.Errorf("InvalidKeyId", "This emulator takes the ARN of a key, or %s.", awsKey)
	}
	return nil
}

// put adds a version. The caller holds the lock for writing.
func (s *store) put(region, name string, v *version) error {
	if s.regions == nil {
		s.regions = map[string]map[string]*parameter{}
	}
	if s.regions[region] == nil {
		s.regions[region] = map[string]*parameter{}
	}
	p := s.regions[region][name]
	if p == nil {
		p = &parameter{name: name}
	}
	if err := p.add(v); err != nil {
		return fmt.Errorf("parameter %s: %w", name, err)
	}
	s.regions[region][name] = p
	return nil
}
