package secretsmanager

import (
	"regexp"
	"slices"
	"strings"

	"github.com/secretgate/secretgate/tests/lab/clouds/aws/api"
)

// filter is a condition on secrets: any of Values, or none of those that begin with an exclamation mark.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_Filter.html
type filter struct {
	Key    string
	Values []string
}

// The forms of filters, and how many there may be.
var filterValue = regexp.MustCompile(`^!?[a-zA-Z0-9 :_@/+=.\-!]{0,512}$`)

const maxFilters, maxFilterValues = 10, 10

// texts are what each kind of filter looks at. A filter by description or by all, which do without regard to case, is not emulated.
var texts = map[string]func(*secret) []string{
	"name": func(s *secret) []string { return []string{s.name} },
	"tag-key": func(s *secret) []string {
		return s.tagged(func(t Tag) string { return t.Key })
	},
	"tag-value": func(s *secret) []string {
		return s.tagged(func(t Tag) string { return t.Value })
	},
}

func (s *secret) tagged(text func(Tag) string) []string {
	var all []string
	for _, tag := range s.tags {
		all = append(all, text(tag))
	}
	return all
}

func checkFilters(filters []filter) error {
	if len(filters) > maxFilters {
		return api.Validation("filters", "[]", "Member must have length less than or equal to 10")
	}
	for _, f := range filters {
		switch {
		case texts[f.Key] == nil:
			return invalidParameter("This emulator filters by name, tag-key and tag-value alone, not by %q.", f.Key)
		case len(f.Values) < 1 || len(f.Values) > maxFilterValues:
			return api.Validation("filters.1.member.values", "[]", "Member must have length between 1 and 10")
		}
		for _, v := range f.Values {
			if !filterValue.MatchString(v) {
				return api.Validation("filters.1.member.values", v, `Member must satisfy regular expression pattern: ^\!?[a-zA-Z0-9 :_@\/\+\=\.\-\!]*$`)
			}
		}
	}
	return nil
}

// takes reports whether all filters take a secret. Each looks at prefixes, and at the keys and the values of tags apart.
func takes(filters []filter, s *secret) bool {
	for _, f := range filters {
		if !slices.ContainsFunc(f.Values, func(v string) bool { return fits(v, texts[f.Key](s)) }) {
			return false
		}
	}
	return true
}

func fits(value string, texts []string) bool {
	prefix, negated := strings.CutPrefix(value, "!")
	return negated != slices.ContainsFunc(texts, func(t string) bool { return strings.HasPrefix(t, prefix) })
}
