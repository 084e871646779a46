package plan

import "strings"

// Words are the names that one kind of objects has for things, for messages about its objects.
type Words struct {
	Kind   string // ExternalSecret
	Spec   string // the field that holds all others
	Type   string // the field that names the Secret's type
	Paused string // why an object that is suspended is not read, as a sentence

	Property  string // the option that picks a part of a value
	Binary    string // the option that says that a value is base64
	NotBinary string // what to do where a value is not base64
	Plain     string // what to do with a value that is not an object with members
	Misnamed  string // what to do with a member by whose name no entry can be called, where members keep theirs

	Adoption        string // the field that asks to take over a Secret that no controller owns; empty: there is none
	Sharing         string // the field that has the object set entries of a Secret that another client makes; empty: there is none
	Rename          string // how to have a Secret of another name made
	Adopt           string // what to do where a Secret of the name exists that no controller owns
	OtherController string // what to do where another controller serves the same objects

	// Terms are the kind's names for what errors of backends refer to.
	Terms map[Term]string
}

// A is the kind with its article.
func (w *Words) A() string {
	if strings.ContainsAny(w.Kind[:1], "AEIOU") {
		return "an " + w.Kind
	}
	return "a " + w.Kind
}

// Term is a placeholder in the error of a backend for something that each kind of objects names differently. It has braces.
type Term string

// The terms. Those of aspects stand for the fields that Places names.
const (
	TermBackend   Term = "{backend}"   // the field that names the backend
	TermEngine1   Term = "{engine 1}"  // how to set that a key-value engine is of version 1
	TermEngine2   Term = "{engine 2}"  // and of version 2
	TermInterval  Term = "{interval}"  // of Refresh.Interval
	TermRecursive Term = "{recursive}" // how to read all descendants of a path

	TermRole      Term = "{role}"
	TermLocation  Term = "{location}"
	TermMount     Term = "{mount}"
	TermContainer Term = "{container}"
)

// Terms lists the terms that each dialect has a name for.
func Terms() []Term {
	return []Term{TermBackend, TermEngine1, TermEngine2, TermInterval, TermRecursive}
}

// AspectTerms lists the others. A dialect has a name for one of them where its objects have no such field.
func AspectTerms() []Term { return []Term{TermRole, TermLocation, TermMount, TermContainer} }

var aspectTerms = map[Term]Aspect{TermRole: Role, TermLocation: Location, TermMount: Mount, TermContainer: Container}

// Say replaces the terms in a text about one of the object's Stores.
func (p *Plan) Say(about Store, text string) string {
	if !strings.Contains(text, "{") {
		return text
	}
	for term, aspect := range aspectTerms {
		if at := p.Places[about][aspect].Field; at != "" {
			text = strings.ReplaceAll(text, string(term), at)
		}
	}
	for term, name := range p.Words.Terms {
		text = strings.ReplaceAll(text, string(term), name)
	}
	for term := range aspectTerms { // the kind has no such field, and no name for it
		text = strings.ReplaceAll(text, string(term), "the syncer's settings")
	}
	return text
}
