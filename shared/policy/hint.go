package policy

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/secretgate/secretgate/shared/text"
)

// maxHints bounds how many lines of an annotation are named.
const maxHints = 3

// Hints returns a sentence about each pattern of a namespace's annotations that can be compiled but hardly permits what its author
// had in mind: globs. Where a match anywhere in a value counts (Settings.Legacy), most of those permit what was meant, and nothing
// is said. Names of roles where ARNs are matched are no matter of the namespace alone, which may use Vault: see namesNotARNs.
func Hints(annotations map[string]string, s Settings) []string {
	if s.Legacy {
		return nil
	}
	var sentences []string
	for _, key := range s.PatternAnnotations() {
		lines, present := annotations[key]
		if flaw, blank := Examine(lines, s); !present || blank || flaw != nil {
			continue
		}
		sentences = append(sentences, globs(key, lines)...)
	}
	return sentences
}

func globs(key, lines string) []string {
	var sentences []string
	more := 0
	for i, line := range strings.Split(lines, "\n") {
		line = strings.TrimSuffix(line, "\r")
		parsed, err := syntax.Parse(line, syntax.Perl)
		if err != nil {
			continue // Examine has a word on it
		}
		switch repeated := globbed(parsed, true); {
		case repeated == "":
		case len(sentences) == maxHints:
			more++
		default:
			sentences = append(sentences, fmt.Sprintf("annotation %s: line %d %s looks like a glob: in a regular expression * repeats "+
				"the %s before it; write .* for any text", key, i+1, strconv.Quote(text.Cut(line, maxShown)), strconv.Quote(repeated)))
		}
	}
	if more > 0 {
		sentences = append(sentences, fmt.Sprintf("annotation %s: %d more lines look like globs", key, more))
	}
	return sentences
}

// globbed returns the character that a pattern's * repeats where a glob was probably meant: at the end of the pattern any, before
// that one which is neither letter nor digit. It is empty where there is none.
func globbed(re *syntax.Regexp, last bool) string {
	if re.Op == syntax.OpStar && re.Flags&syntax.NonGreedy == 0 && re.Sub[0].Op == syntax.OpLiteral {
		if r := re.Sub[0].Rune[0]; last || !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return string(r)
		}
	}
	for i, sub := range re.Sub {
		if found := globbed(sub, last && (re.Op != syntax.OpConcat || i == len(re.Sub)-1)); found != "" {
			return found
		}
	}
	return ""
}

// schemes are what ARNs begin with, of AWS and of Alibaba Cloud.
var schemes = []string{"arn:", "acs:"}

// namesNotARNs says what to write where a role that is an ARN is denied by an annotation that holds names of roles, as kiam and Vault
// have them; empty: that is not why.
func (j *judge) namesNotARNs(role, annotation, lines string) string {
	isARN := slices.ContainsFunc(schemes, func(scheme string) bool { return strings.HasPrefix(role, scheme) })
	if j.settings.Legacy || annotation != j.settings.roleAnnotation() || !isARN ||
		slices.ContainsFunc(strings.Split(lines, "\n"), mayMatchARN) {
		return ""
	}
	return "; a role of AWS is matched as a whole ARN: write arn:aws:iam::ACCOUNT:role/NAME instead of NAME, or .*:role/NAME for any account"
}

// mayMatchARN reports whether a pattern may match what a roleArn holds, which begins with arn: (AWS) or acs: (Alibaba Cloud).
func mayMatchARN(line string) bool {
	line = strings.TrimSuffix(line, "\r")
	if strings.TrimSpace(line) == "" {
		return false
	}
	re, err := regexp.Compile(strings.TrimLeft(line, "^"))
	if err != nil {
		return true // if that is unknown, no hint is better than a wrong one
	}
	begins, _ := re.LiteralPrefix()
	for _, scheme := range schemes {
		if strings.HasPrefix(begins, scheme) || strings.HasPrefix(scheme, begins) {
			return true
		}
	}
	return false
}
