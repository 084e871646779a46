package sts

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/secretgate/secretgate/tests/lab/clouds/aws/api"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/iam"
)

// maxTags is how many a session may have.
const maxTags = 50

// The forms of tags: https://docs.aws.amazon.com/STS/latest/APIReference/API_Tag.html
var (
	tagKeyForm   = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$`)
	tagValueForm = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$`)
)

const mustSatisfy = `Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]`

// sessionTags are the tags that a session is to have. Their keys differ in more than case.
func sessionTags(form url.Values) (map[string]string, error) {
	tags, seen := map[string]string{}, map[string]bool{}
	for i := 1; ; i++ {
		member := fmt.Sprintf("Tags.member.%d.", i)
		if !form.Has(member + "Key") {
			return tags, nil
		}
		key, value := form.Get(member+"Key"), form.Get(member+"Value")
		switch {
		case i > maxTags:
			return nil, invalid("tags", "[]", fmt.Sprintf("Member must have length less than or equal to %d", maxTags))
		case !tagKeyForm.MatchString(key):
			return nil, invalid(fmt.Sprintf("tags.%d.member.key", i), key, mustSatisfy+"+")
		case !tagValueForm.MatchString(value):
			return nil, invalid(fmt.Sprintf("tags.%d.member.value", i), value, mustSatisfy+"*")
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return nil, api.Errorf("ValidationError", "System tags (with prefix 'aws:') may not be provided by a caller.")
		case seen[strings.ToLower(key)]:
			return nil, api.Errorf("InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		tags[key], seen[strings.ToLower(key)] = value, true
	}
}

// transitiveKeys are those of the tags that sessions of further roles are to have, too.
func transitiveKeys(form url.Values, tags map[string]string) ([]string, error) {
	var keys []string
	for i := 1; ; i++ {
		member := fmt.Sprintf("TransitiveTagKeys.member.%d", i)
		if !form.Has(member) {
			return keys, nil
		}
		key := form.Get(member)
		if _, given := tags[key]; !given {
			return nil, api.Errorf("ValidationError", "The transitive tag key %s is none of the session tags.", key)
		}
		keys = append(keys, key)
	}
}

// inherit adds the caller's transitive tags, none of which a request may give another value.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_role-chaining
func (in *request) inherit(from iam.Caller) error {
	for _, inherited := range from.Transitive {
		for key := range in.tags {
			if strings.EqualFold(key, inherited) {
				return api.Errorf("InvalidParameterValue", "The session tag %s is inherited, and cannot be passed again.", key)
			}
		}
	}
	for _, key := range from.Transitive {
		in.tags[key] = from.Tags[key]
	}
	in.transitive = slices.Concat(in.transitive, from.Transitive)
	return nil
}
