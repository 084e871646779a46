package plan

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

const (
	// maxPatternCost bounds what a pattern of an object, or a list of them, compiles to, as PatternCost counts it.
	maxPatternCost = 10_000
	// maxPatterns bounds how many patterns a list has.
	maxPatterns = 100
)

// PatternCost estimates what a pattern compiles to, in instructions of the matcher and ranges of characters: that of "x{1000}" is not to
// be seen in its length. Matching a byte takes that many steps at most. The parser has bounded the pattern's depth and its repetitions.
func PatternCost(re *syntax.Regexp) int {
	n := 1 + len(re.Rune)
	for _, sub := range re.Sub {
		n += PatternCost(sub)
	}
	if re.Op == syntax.OpRepeat {
		n *= max(re.Min, re.Max, 1)
	}
	return n
}

// Pattern is a Rule for patterns of package regexp that an object holds.
func Pattern(value string) string {
	_, _, problem := CompilePattern(value)
	return problem
}

// NamePattern is a Rule for patterns that are searched for in names, as Entry.Matching has them.
func NamePattern(value string) string {
	if strings.ContainsRune(value, '\n') {
		return "must not have a line break: no name has one"
	}
	return Pattern(value)
}

// Patterns lists the patterns of names at a path. Each must be one, and they must be small together.
func (b *Builder) Patterns(at *field.Path, patterns []string) List {
	if len(patterns) > maxPatterns {
		b.Fail(field.TooMany(at, len(patterns), maxPatterns))
		return ""
	}
	total := 0
	for n, pattern := range patterns {
		if pattern == "" { // as the only one of its list, it could not be told from none
			b.Fail(field.Required(at.Index(n), "a pattern: .* is found in all names"))
		}
		b.Canonical(at.Index(n), pattern, NamePattern)
		_, cost, _ := CompilePattern(pattern)
		total += cost
	}
	if total > maxPatternCost {
		b.Fail(field.Invalid(at, field.OmitValueType{}, "must be smaller patterns together: repeat less within them"))
	}
	return ListOf(patterns...)
}

// CompilePattern compiles what Pattern accepts, and says what it costs.
func CompilePattern(value string) (re *regexp.Regexp, cost int, problem string) {
	if len(value) > MaxText {
		return nil, 0, fmt.Sprintf("must not have more than %d bytes", MaxText)
	}
	parsed, err := syntax.Parse(value, syntax.Perl)
	if err != nil {
		return nil, 0, "must be a regular expression (https://github.com/google/re2/wiki/Syntax): " + err.Error()
	}
	if cost = PatternCost(parsed); cost > maxPatternCost {
		return nil, 0, "must be a smaller pattern: repeat less within it"
	}
	if re, err = regexp.Compile(value); err != nil { // one that parses is only refused if it is huge
		return nil, 0, "must be a smaller pattern: repeat less within it"
	}
	return re, cost, ""
}
