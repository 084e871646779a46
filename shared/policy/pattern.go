package policy

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
)

// patterns are the lines of an annotation. The zero value matches nothing.
type patterns struct {
	lines   []string
	regexps []*regexp.Regexp
	problem string // why nothing matches; empty where the lines decide
	all     bool   // legacy: an empty annotation permits everything
}

// compile reads an annotation: one RE2 pattern a line, blank lines ignored. One pattern that does
// not compile spoils them all: what its author meant to allow or to leave out is unknown.
func compile(text string, legacy bool) patterns {
	var p patterns
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if strings.TrimSpace(line) == "" {
			continue
		}
		re, err := compileLine(line, legacy)
		if err != nil {
			return patterns{problem: fmt.Sprintf("line %d %q is not a valid RE2 pattern: %s; nothing is permitted until it is mended", i+1, line, explain(err))}
		}
		p.lines, p.regexps = append(p.lines, line), append(p.regexps, re)
	}
	if len(p.regexps) == 0 {
		if legacy {
			return patterns{all: true}
		}
		return patterns{problem: `is empty, which permits nothing; ".*" permits everything`}
	}
	return p
}

// compileLine anchors a pattern so that it matches whole values. It must compile by itself first:
// "a)|(b" would otherwise escape from the anchors.
func compileLine(line string, legacy bool) (*regexp.Regexp, error) {
	re, err := regexp.Compile(line)
	if err != nil || legacy {
		return re, err
	}
	return regexp.Compile(`\A(?:` + line + `)\z`)
}

// explain names the construct that RE2 lacks: look-around and back-references were possible in
// KES, whose patterns were JavaScript's.
func explain(err error) string {
	var parse *syntax.Error
	if !errors.As(err, &parse) {
		return err.Error()
	}
	construct := "`" + parse.Expr + "`"
	switch {
	case strings.HasPrefix(parse.Expr, "(?=") || strings.HasPrefix(parse.Expr, "(?!"):
		return "look-ahead " + construct + " is JavaScript's, not RE2's"
	case strings.HasPrefix(parse.Expr, "(?<=") || strings.HasPrefix(parse.Expr, "(?<!"):
		return "look-behind " + construct + " is JavaScript's, not RE2's"
	case parse.Code == syntax.ErrInvalidEscape && strings.Trim(parse.Expr, `\123456789k`) == "":
		return "back-reference " + construct + " is JavaScript's, not RE2's"
	default:
		return parse.Code.String() + ": " + construct
	}
}

func (p patterns) match(value string) bool {
	for _, re := range p.regexps {
		if re.MatchString(value) {
			return true
		}
	}
	return p.all
}

// String says what the annotation does, as the end of a sentence.
func (p patterns) String() string {
	if p.problem != "" {
		return p.problem
	}
	quoted := make([]string, len(p.lines))
	for i, line := range p.lines {
		quoted[i] = strconv.Quote(line)
	}
	return "allows " + strings.Join(quoted, ", ")
}
