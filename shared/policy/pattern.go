package policy

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/text"
)

// An annotation's author must not be able to stop the services that all namespaces share: an
// annotation of 256 KiB can compile to gigabytes, and be matched against thousands of names.
const (
	// maxCost bounds what an annotation's patterns compile to, in instructions of the matcher and
	// ranges of characters: that of "x{1000}" is not to be seen in its length.
	maxCost = 20_000
	// maxWork bounds matching, in bytes of values times cost: seconds at the worst.
	maxWork = 500_000_000
	// maxShown bounds what a message repeats of an annotation, in characters, and maxValue what it repeats of an object, so that
	// a long value leaves room for the reason where messages are cut.
	maxShown, maxValue = 500, 200
)

// patterns are the lines of an annotation. The zero value matches nothing. They do not change, and may be used concurrently.
type patterns struct {
	regexps []*regexp.Regexp
	lines   []string // that they were compiled of
	all     bool     // legacy: an empty annotation permits everything
	cost    int
	says    string // what the annotation does, as the end of a sentence
	flaw    *Flaw  // why it permits nothing, where that cannot be what its author meant
}

// Flaw is why an annotation cannot be parsed.
type Flaw struct {
	Problem string // what is wrong, and in which line
	Remedy  string // what to do, as an imperative
}

// Examine says what is wrong with the text of an annotation that holds patterns, if anything, as Check would find it. A blank text
// has no flaw: it permits nothing, or everything where matching is legacy.
func Examine(lines string, s Settings) (flaw *Flaw, blank bool) {
	p := compile(lines, s.Legacy)
	return p.flaw, p.flaw == nil && len(p.regexps) == 0
}

// compile reads an annotation: one RE2 pattern a line, blank lines ignored. One pattern that does
// not compile spoils them all: what its author meant to allow or to leave out is unknown.
func compile(lines string, legacy bool) *patterns {
	p := &patterns{lines: []string{}}
	var quoted []string
	for i, line := range strings.Split(lines, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if strings.TrimSpace(line) == "" {
			continue
		}
		where := func() string { return fmt.Sprintf("line %d %s", i+1, strconv.Quote(text.Cut(line, maxShown))) }
		parsed, err := syntax.Parse(line, syntax.Perl)
		if err != nil {
			why, remedy := explain(err)
			return broken(where()+" is not a valid RE2 pattern: "+why, "it is fixed", remedy)
		}
		if p.cost += plan.PatternCost(parsed); p.cost > maxCost {
			return broken("holds patterns that are too large", "they are fewer or repeat less", "use fewer lines, or repeat less within them")
		}
		re, err := compileLine(line, legacy)
		if err != nil { // one that parses is only refused if it is huge
			return broken(where()+" cannot be compiled", "it is fixed", "repeat less within it")
		}
		p.regexps, p.lines, quoted = append(p.regexps, re), append(p.lines, line), append(quoted, strconv.Quote(line))
	}
	p.says = "allows " + text.Cut(strings.Join(quoted, ", "), maxShown)
	if len(p.regexps) == 0 {
		p.all, p.says = legacy, `is empty, which permits nothing; ".*" permits everything`
	}
	return p
}

// broken permits nothing, and says until when.
func broken(problem, until, remedy string) *patterns {
	return &patterns{lines: []string{}, says: problem + "; nothing is permitted until " + until, flaw: &Flaw{Problem: problem, Remedy: remedy}}
}

// compileLine anchors a pattern, which compiles by itself, so that it matches whole values: "a)|(b",
// which does not, would escape from the anchors. What follows an open \Q is literal, so that needs
// its end.
func compileLine(line string, legacy bool) (*regexp.Regexp, error) {
	if legacy {
		return regexp.Compile(line)
	}
	re, err := regexp.Compile(`\A(?:` + line + `)\z`)
	if err != nil {
		return regexp.Compile(`\A(?:` + line + `\E)\z`)
	}
	return re, nil
}

// explain names the construct that RE2 lacks, and what to write instead: look-around and back-references were possible in
// KES, whose patterns were JavaScript's.
func explain(err error) (why, remedy string) {
	const correct = "correct the line (https://github.com/google/re2/wiki/Syntax)"
	var parse *syntax.Error
	if !errors.As(err, &parse) {
		return err.Error(), correct
	}
	construct := "`" + text.Cut(parse.Expr, maxShown) + "`"
	const allowed = "write what is permitted, a pattern a line, instead of what is not"
	switch {
	case strings.HasPrefix(parse.Expr, "(?=") || strings.HasPrefix(parse.Expr, "(?!"):
		return "look-ahead " + construct + " is JavaScript's, not RE2's", allowed
	case strings.HasPrefix(parse.Expr, "(?<=") || strings.HasPrefix(parse.Expr, "(?<!"):
		return "look-behind " + construct + " is JavaScript's, not RE2's", allowed
	case parse.Code == syntax.ErrInvalidEscape && strings.Trim(parse.Expr, `\123456789k`) == "":
		return "back-reference " + construct + " is JavaScript's, not RE2's", "write the alternatives out"
	case parse.Code == syntax.ErrMissingRepeatArgument && strings.HasPrefix(parse.Expr, "*"):
		return "a * repeats what is before it, and nothing is", "write .* for any text"
	default:
		return parse.Code.String() + ": " + construct, correct
	}
}

// matcher is the patterns of an annotation, as one object is judged by them.
type matcher struct {
	*patterns
	work int // done so far
}

// match reports whether a pattern matches, and which. If none does, why says what the annotation does, as the end of a sentence.
func (p *matcher) match(value string) (matched bool, by, why string) {
	if p.work += p.cost * len(value); p.work > maxWork {
		return false, "", "holds patterns that are too large for all that this object reads: use fewer or simpler ones, or several objects"
	}
	for i, re := range p.regexps {
		if re.MatchString(value) {
			return true, p.lines[i], ""
		}
	}
	return p.all, "", p.says
}
