package plan

import "strings"

// Words are how one kind of objects calls things, for messages about its objects.
type Words struct {
	Kind   string // ExternalSecret
	Spec   string // the field that holds all others
	Type   string // the field that names the Secret's type
	Paused string // why an object that is suspended is not read, as a sentence

	Property  string // the option that picks a part of a value
	Binary    string // the option that says that a value is base64
	NotBinary string // what to do where it is not
	Plain     string // what to do with a value that is no object of entries

	Adoption  string // the field that asks to take over a Secret that no controller owns; empty: there is none
	Elsewhere string // what to do to have another Secret made
	Adopt     string // what to do to take over a Secret that no controller owns
	Rival     string // what to do where the predecessor still serves the same objects

	// Terms are the kind's names for what errors of backends speak of.
	Terms map[Term]string
}

// A is the kind with its article.
func (w *Words) A() string {
	if strings.ContainsAny(w.Kind[:1], "AEIOU") {
		return "an " + w.Kind
	}
	return "a " + w.Kind
}

// Term is what an error of a backend speaks of, and each kind of objects calls differently. It stands in braces in the text.
type Term string

// The terms. Those of aspects stand for the fields that Places name.
const (
	TermBackend   Term = "{backend}"   // the field that names the backend
	TermEngine1   Term = "{engine 1}"  // how to say that a key-value engine is of version 1
	TermEngine2   Term = "{engine 2}"  // and of version 2
	TermInterval  Term = "{interval}"  // of Refresh.Interval
	TermRecursive Term = "{recursive}" // how to have all descendants of a path read

	TermRole      Term = "{role}"
	TermLocation  Term = "{location}"
	TermMount     Term = "{mount}"
	TermContainer Term = "{container}"
)

// Terms lists those that each dialect has a word for.
func Terms() []Term {
	return []Term{TermBackend, TermEngine1, TermEngine2, TermInterval, TermRecursive}
}

// AspectTerms lists the others. A dialect has a word for one where its objects have no such field, but something else says so.
func AspectTerms() []Term { return []Term{TermRole, TermLocation, TermMount, TermContainer} }

var aspectTerms = map[Term]Aspect{TermRole: Role, TermLocation: Location, TermMount: Mount, TermContainer: Container}

// Say puts the object's own words into a text about one of its Stores.
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
	for term := range aspectTerms { // a kind whose objects have no such field, and no other word for it
		text = strings.ReplaceAll(text, string(term), "the syncer's settings")
	}
	return text
}
