package gotemplate

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	texts "github.com/secretgate/secretgate/shared/template"
)

var (
	position  = regexp.MustCompile(`(?s)^template: t(\d+):(\d+):(?:(\d+):)? (.*)`)
	undefined = regexp.MustCompile(`^function "([^"]*)" not defined`)
	executing = regexp.MustCompile(`(?s)^executing ".*?" at (<.*?>): (.*)`)
)

// noTemplate says why a text cannot be compiled. There are no values yet: what the parser says holds words of the template alone.
func noTemplate(text texts.Text, err error) *texts.Problem {
	p := &texts.Problem{Field: text.Field, Kind: texts.Syntax, Detail: "the text is no template"}
	if parts := position.FindStringSubmatch(err.Error()); parts != nil {
		p.Line, _ = strconv.Atoi(parts[2])
		p.Column = 1
		p.Detail = parts[4]
	}
	if missing := undefined.FindStringSubmatch(p.Detail); missing != nil {
		p.Kind, p.Detail = texts.Name, noFunction(missing[1])
	}
	return p
}

// failed is why a text failed, at the place where it did: maybe in another text, which it calls. What text/template and functions say of it
// may hold values: all that is told is the place, and the template's own words there.
func (s *Set) failed(n int, err error) *texts.Problem {
	p := &texts.Problem{Field: s.all[n].Field, Kind: texts.Value, Detail: "the template failed"}
	if errors.Is(err, errLate) {
		p.Kind, p.Detail = texts.Limit, errLate.Error()
		return p
	}
	parts := position.FindStringSubmatch(err.Error())
	if parts == nil {
		return p
	}
	if in, _ := strconv.Atoi(parts[1]); in < len(s.all) {
		p.Field = s.all[in].Field
	}
	p.Line, _ = strconv.Atoi(parts[2])
	p.Column, _ = strconv.Atoi(parts[3])
	p.Column++ // text/template counts from 0
	at := executing.FindStringSubmatch(parts[4])
	if at == nil {
		return p
	}
	switch words, why := at[1], at[2]; {
	case strings.HasPrefix(why, "template ") && strings.HasSuffix(why, " not defined"):
		p.Kind, p.Detail = texts.Name, words+": there is no such template"
	case strings.HasPrefix(why, "map has no entry for key"):
		p.Detail = words + " is no entry that there is"
	case strings.HasPrefix(why, "error calling "):
		p.Detail = words + ": the function fails on the value that it is given"
	default:
		p.Detail = words + ": a value is missing, or of another type than the template takes it for"
	}
	return p
}
