package render

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// pattern is a compiled pattern, and what it costs to match it against a byte; or why it is none.
type pattern struct {
	*regexp.Regexp
	cost    int
	problem string
}

// pattern compiles a text once.
func (r *renderer) pattern(text string) *pattern {
	p, known := r.patterns[text]
	if !known {
		p = &pattern{}
		p.Regexp, p.cost, p.problem = plan.CompilePattern(text)
		r.patterns[text] = p
	}
	return p
}

// Taken are the values of a walk that an entry takes, by their names. Policy judges the names of these. An error says that a pattern is
// none, or that the patterns are too large for so many names.
func Taken(e *plan.Entry, values []driver.Value) ([]driver.Value, error) {
	r := &renderer{budget: newBudget(context.Background()), patterns: map[string]*pattern{}}
	return r.takenValues(e, values)
}

func (r *renderer) takenValues(e *plan.Entry, values []driver.Value) ([]driver.Value, error) {
	if e.Matching+e.Excluding == "" {
		return values, nil
	}
	var taken []driver.Value
	for i := range values {
		takes, err := r.takes(e, values[i].Name)
		if err != nil {
			return nil, err
		}
		if takes {
			taken = append(taken, values[i])
		}
	}
	return taken, nil
}

// takes reports whether an entry takes a name.
func (r *renderer) takes(e *plan.Entry, name string) (bool, error) {
	if excluded, err := r.matches(e.Excluding, name); excluded || err != nil {
		return false, err
	}
	if e.Matching == "" {
		return true, nil
	}
	return r.matches(e.Matching, name)
}

// matches reports whether one of the patterns is found in a name.
func (r *renderer) matches(patterns plan.List, name string) (bool, error) {
	if patterns == "" {
		return false, nil
	}
	for text := range strings.SplitSeq(string(patterns), "\n") {
		p := r.pattern(text)
		if p.problem != "" {
			return false, fmt.Errorf("a pattern of the names that are read %s", p.problem)
		}
		if err := r.budget.takeWork(1 + len(name)*p.cost); err != nil {
			return false, err
		}
		if p.MatchString(name) {
			return true, nil
		}
	}
	return false, nil
}

// patternsOf are an entry's patterns, in words.
func patternsOf(e *plan.Entry) string {
	var words []string
	if e.Matching != "" {
		words = append(words, "matching "+shown(strings.Join(e.Matching.Texts(), ", ")))
	}
	if e.Excluding != "" {
		words = append(words, "excluding "+shown(strings.Join(e.Excluding.Texts(), ", ")))
	}
	return strings.Join(words, ", ")
}

// rename gives values their names in the Secret, and decodes them. The values come by the names that the backend has for them.
func (r *renderer) rename(e *plan.Entry, values map[string][]byte) (map[string][]byte, error) {
	var err error
	for _, rewrite := range e.Naming.Rewrites {
		switch {
		case rewrite.Regexp != nil:
			values, err = r.replace(e, rewrite.Regexp, values)
		case rewrite.Merge != nil:
			values, err = r.merge(e, rewrite.Merge, values)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(e.Naming.Rewrites) == 0 && e.Naming.Conversion != "" {
		values, err = r.each(e, values, func(name string) (string, error) { return converted(e.Naming.Conversion, name), nil })
		if err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if name == "" {
			delete(values, name)
			continue
		}
		if problems := validation.IsConfigMapKey(name); len(problems) > 0 {
			return nil, fmt.Errorf("a name in %s, or what becomes of it, is none that an entry of a Secret can have (%s): change %s",
				place(e), strings.Join(problems, "; "), e.Naming.Field)
		}
		if values[name], err = r.finish(e, "the value of the entry "+name, values[name]); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// place is where an entry's names come from.
func place(e *plan.Entry) string {
	if e.Source.Key == "" { // a walk of everything
		return "what is read"
	}
	return e.Source.Key
}

// each makes every name anew. Those of one JSON value or one walk are no secret themselves: they, or what becomes of them, are the
// names of the Secret's entries.
func (r *renderer) each(e *plan.Entry, values map[string][]byte, name func(string) (string, error)) (map[string][]byte, error) {
	made, from := make(map[string][]byte, len(values)), make(map[string]string, len(values))
	for _, old := range slices.Sorted(maps.Keys(values)) { // sorted, so that the first problem is always the same one
		if err := r.budget.takeWork(1 + len(old)); err != nil {
			return nil, err
		}
		next, err := old, error(nil)
		if len(old) <= plan.MaxText {
			next, err = name(old)
		}
		switch {
		case err != nil:
			return nil, err
		case len(next) > plan.MaxText:
			return nil, fmt.Errorf("a name in %s, or what becomes of it, has more than %d bytes: change %s",
				place(e), plan.MaxText, e.Naming.Field)
		case next == "":
			continue // it makes no entry
		}
		if other, taken := from[next]; taken {
			return nil, fmt.Errorf("%s and %s would both become %s: change %s so that they differ",
				shown(other), shown(old), shown(next), e.Naming.Field)
		}
		made[next], from[next] = values[old], old
	}
	return made, nil
}

// replace rewrites names by a pattern.
func (r *renderer) replace(e *plan.Entry, by *plan.RewriteRegexp, values map[string][]byte) (map[string][]byte, error) {
	p := r.pattern(by.Source)
	if p.problem != "" {
		return nil, fmt.Errorf("a source of %s %s", e.Naming.Field, p.problem)
	}
	if len(by.Target) > plan.MaxText {
		return nil, fmt.Errorf("a target of %s must not have more than %d bytes", e.Naming.Field, plan.MaxText)
	}
	return r.each(e, values, func(name string) (string, error) {
		// The target may come at each byte, and each $ in it stands for a part of the name, which is slower to put there than bytes are.
		largest := (len(name) + 1) * (len(by.Target) + 1)
		if err := r.budget.takeWork(len(name)*p.cost + 4*largest); err != nil {
			return "", err
		}
		return p.ReplaceAllString(name, by.Target), nil
	})
}

// converted is a name with the characters that no Secret's entry has replaced.
func converted(how plan.Conversion, name string) string {
	var b strings.Builder
	for _, c := range name {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_':
			b.WriteRune(c)
		case how == plan.Unicode:
			fmt.Fprintf(&b, "_U%04x_", c)
		default:
			b.WriteByte('_')
		}
	}
	return b.String()
}
