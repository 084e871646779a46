package check

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/text"
)

// Severity says how bad a finding is.
type Severity string

// The severities. Only errors make a check fail.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Note    Severity = "note"
)

// Rule names a kind of finding. It is stable: code-scanning tools key on it.
type Rule string

// The rules; rules describes them.
const (
	Unreadable       Rule = "unreadable"
	UnknownKind      Rule = "unknown-kind"
	Metadata         Rule = "metadata"
	Schema           Rule = "schema"
	UnknownField     Rule = "unknown-field"
	DuplicateField   Rule = "duplicate-field"
	Conflict         Rule = "conflict"
	Invalid          Rule = "invalid"
	Policy           Rule = "policy"
	UnknownNamespace Rule = "unknown-namespace"
	Deprecated       Rule = "deprecated"
	Advice           Rule = "advice"
	Pattern          Rule = "pattern"
	Matching         Rule = "matching"
	Fixed            Rule = "fixed"
	Unfixable        Rule = "unfixable"
)

// description is a sentence about a rule.
type description struct {
	rule Rule
	says string
}

// descriptions lists the rules in the order in which SARIF shows them.
func descriptions() []description {
	return []description{
		{Unreadable, "The document is not YAML or JSON that the API server would read."},
		{UnknownKind, "The object resembles one that Secretgate serves, and no API server knows the API that it names."},
		{Metadata, "The API server would refuse the object's name, labels or annotations."},
		{Schema, "The object does not fit the schema of the CustomResourceDefinition."},
		{UnknownField, "The field does not exist: kubectl refuses it, other clients drop it silently."},
		{DuplicateField, "The field occurs twice: kubectl refuses it, other clients take the last."},
		{Conflict, "A deprecated field and its replacement are both set."},
		{Invalid, "The object cannot be synced as it stands."},
		{Policy, "The annotations of the namespace do not permit what the object reads, or as whom."},
		{UnknownNamespace, "The namespace, whose annotations are the policy, is not known."},
		{Deprecated, "The field has a new name, or the API a newer version. Admission converts it; webhook check --fix rewrites it."},
		{Advice, "The object is accepted, but does not do what it seems to say."},
		{Pattern, "An annotation of the namespace cannot be parsed: the webhook denies it, and where it is stored it permits nothing."},
		{Matching, "The verdict differs between the matching of kubernetes-external-secrets and that of whole values."},
		{Fixed, "A deprecated field or version was rewritten."},
		{Unfixable, "A deprecated field or version cannot be rewritten safely and was left as it is."},
	}
}

// Finding is one thing to say about a place in a file.
type Finding struct {
	File     string   `json:"file"`
	Line     int      `json:"line"`   // from 1
	Column   int      `json:"column"` // from 1, in characters
	Severity Severity `json:"severity"`
	Rule     Rule     `json:"rule"`
	kind     string   // of the object; empty: it cannot be read
	Object   string   `json:"object,omitempty"` // namespace/name, or a Namespace's name
	Path     string   `json:"path,omitempty"`   // of the field, as admission calls it
	Message  string   `json:"message"`
}

// text is the path and the message, as kubectl would print them.
func (f Finding) text() string {
	if f.Path == "" {
		return f.Message
	}
	return f.Path + ": " + f.Message
}

const maxMessage = 1000 // characters of one message: values may be long

// findings collects the findings about one object.
type findings struct {
	object object
	name   string         // namespace/name
	moves  []dialect.Move // of the object's deprecated fields
	list   []Finding

	unseen *unseen // the object's namespace; nil: an input holds it, or it does not matter
}

func (f *findings) add(severity Severity, rule Rule, path, message string) {
	line, column := f.object.position(path, f.moves)
	f.list = append(f.list, Finding{
		File: f.object.doc.file, Line: line, Column: column,
		Severity: severity, Rule: rule, kind: f.object.api().kind, Object: f.name, Path: path, Message: text.Cut(message, maxMessage),
	})
}

func (f *findings) errors(rule Rule, errs field.ErrorList) {
	for _, err := range errs {
		path := err.Field
		if path == "<nil>" { // what concerns the whole object
			path = ""
		}
		f.add(Error, rule, path, err.ErrorBody())
	}
}

// sorted lists the findings as they stand in the file. What two checks say alike is said once.
func (f *findings) sorted() []Finding {
	type same struct{ path, message string }
	seen := map[same]bool{}
	list := slices.DeleteFunc(f.list, func(one Finding) bool {
		key := same{one.Path, one.Message}
		defer func() { seen[key] = true }()
		return seen[key]
	})
	slices.SortStableFunc(list, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return list
}
