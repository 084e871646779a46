package backend

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// maxName is how many characters the name of a walked value may have, as plan has it for keys.
const maxName = 2048

// accept returns a driver's value as it is passed on, or an *Error that says why it is not.
func accept(source plan.Source, value driver.Value) (driver.Value, error) {
	if source.Path {
		if problem := nameProblem(source, value.Name); problem != "" {
			e := newError(source, driver.Unavailable, problem, nil)
			e.hint = "check the proxy or cache on the way to the backend"
			return driver.Value{}, e
		}
	}
	if len(value.Data) > MaxValueBytes || len(value.Metadata) > MaxValueBytes {
		return driver.Value{}, tooLarge(source, value)
	}
	value.Version = driver.Word(value.Version)
	return value, nil
}

// nameProblem says why a name cannot be one that a walk finds. The name itself is never changed: policy judges it, and an entry of the
// Secret is called by it.
func nameProblem(walk plan.Source, name string) string {
	switch {
	case utf8.RuneCountInString(name) > maxName:
		return "the answer has a name of more than 2,048 characters"
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Sprintf("the answer has the name %q, which is not printable", driver.Word(name))
	case !isWanted(walk, name):
		return fmt.Sprintf("the answer has the name %q, which was not asked for", driver.Word(name))
	}
	return ""
}

// isWanted reports whether a walk asks for a name. Where names are found by what they begin with, the key is that; else it is a folder.
func isWanted(walk plan.Source, name string) bool {
	if of := known(walk.Backend); of.Finds && !of.Folders {
		return name != "" && strings.HasPrefix(name, walk.Key)
	}
	rest, below := strings.CutPrefix("/"+strings.TrimPrefix(name, "/"), strings.TrimSuffix("/"+strings.TrimPrefix(walk.Key, "/"), "/")+"/")
	return below && rest != "" && (walk.Recursive || !strings.Contains(rest, "/"))
}

func tooLarge(source plan.Source, value driver.Value) *Error {
	what, size, hint := "the value", len(value.Data), "keep less under this key"
	if size <= MaxValueBytes {
		what, size, hint = "the metadata", len(value.Metadata), "keep less in the custom metadata of this key"
	}
	if value.Name != "" {
		what += " of " + driver.Word(value.Name)
		hint = "keep less in it, or name a path without it"
	}
	text := fmt.Sprintf("%s has %d bytes, but a Secret holds %d at most", what, size, MaxValueBytes)
	e := newError(source, driver.Invalid, text, nil)
	e.hint = hint
	return e
}
