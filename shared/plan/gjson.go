package plan

import (
	"fmt"
	"regexp"
	"strings"
)

// The bounds of a gjson path. Each # goes through an array once more, and each modifier makes its value anew; matching takes a
// length to the power of the number of * in it.
const (
	maxGJSONBytes     = 1024
	maxGJSONArrays    = 16
	maxGJSONModifiers = 4
	maxGJSONStars     = 2
)

var (
	// gjsonCombined is where gjson makes a value that the document does not have.
	gjsonCombined = regexp.MustCompile(`(?:^|[.|])!|(?:^|[.|(\[{,:\s])[\[{]`)
	// gjsonModifier is a modifier of gjson's that is not among those that GJSONPath accepts. What follows another @ is the name of a member.
	gjsonModifier = regexp.MustCompile(`(?:^|[.|(\[\s])@(pretty|ugly|join|tostr|fromstr|group|dig|flatten:[^.|]*)(?:[.|:)\]=!<>%\s]|$)`)
)

// GJSONPath is a Rule for properties of the syntaxes GJSON and GJSONPathFirst. The rule knows no quotes and no escapes, since gjson itself
// heeds them in some places only: a few paths are refused that would do no harm.
func GJSONPath(value string) string {
	if len(value) > maxGJSONBytes {
		return fmt.Sprintf("must not have more than %d bytes", maxGJSONBytes)
	}
	if refused := gjsonModifier.FindStringSubmatch(value); refused != nil {
		return "must not have the modifier @" + refused[1] + ": @this, @keys, @values, @reverse, @flatten and @valid may be used, " +
			"without arguments; use a template for the rest"
	}
	switch {
	case strings.HasPrefix(value, ".."):
		return "must not begin with .., which is for lines of JSON"
	case gjsonCombined.MatchString(value):
		return "must not combine values ([a,b] or {a,b}) nor hold some of its own (!): an item of an array is its number alone, " +
			"as in list.0.name; use a template for the rest"
	case strings.Count(value, "#") > maxGJSONArrays:
		return fmt.Sprintf("must not have more than %d #", maxGJSONArrays)
	case strings.Count(value, "@") > maxGJSONModifiers:
		return fmt.Sprintf("must not have more than %d @", maxGJSONModifiers)
	case strings.Count(value, "*") > maxGJSONStars:
		return fmt.Sprintf("must not have more than %d *", maxGJSONStars)
	}
	return ""
}
