// Package plan is what every dialect turns its objects into: a Plan says what will be read, from where and as whom, and the Secret
// to make of it. What is not in a Plan is not judged by policy and cannot be fetched. The package depends on no API and no backend.
package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/secretgate/secretgate/shared/template"
)

// ID names an object among those of all kinds. It is comparable.
type ID struct {
	Kind schema.GroupKind
	types.NamespacedName
}

// Plan is an object, understood.
type Plan struct {
	Object     ID
	Kind       schema.GroupVersionKind
	UID        types.UID
	Generation int64

	Target  Target
	Entries []Entry // in the order in which they define names: the last one wins
	// Places are where the object names what is particular to a Store, for each of its Stores.
	Places map[Store]Places `json:"-"`
	// Choices are what the object chooses beside its Stores and keys, for policy to judge.
	Choices []Choice
	// Confined are those things that the object uses and only some namespaces may.
	Confined []Confined `json:",omitempty"`

	Template  Template
	Refresh   Refresh
	Suspend   bool
	ForceSync string // the annotation's value; empty where it is absent

	// Words are the kind's.
	Words *Words `json:"-"`
	// Warnings are sentences for the person who applies the object. Each begins with a path.
	Warnings []string
}

// Target is the Secret to make, in the object's namespace.
type Target struct {
	Name           string
	DeletionPolicy DeletionPolicy
	AdoptExisting  bool    // take over a Secret that no controller owns, where the namespace permits that
	Sharing        Sharing `json:",omitempty"`
	// Final: once the Secret is immutable, its data is never written again.
	Final bool `json:",omitempty"`
	// DeleteEmpty: the Secret is deleted once the backend has proved that all that is Optional is gone.
	DeleteEmpty bool `json:",omitempty"`
}

// Sharing says whether a Secret is the object's as a whole.
type Sharing string

// The sharings.
const (
	Exclusive     Sharing = ""              // the object makes the whole Secret
	Merge         Sharing = "Merge"         // another client makes the Secret, and the object sets some of its entries
	CreateOrMerge Sharing = "CreateOrMerge" // as Merge, but a Secret that is missing is made
)

// DeletionPolicy says what becomes of the Secret when its object is deleted.
type DeletionPolicy string

// The deletion policies.
const (
	DeletionDelete DeletionPolicy = "Delete"
	DeletionRetain DeletionPolicy = "Retain"
)

// Choice is a value that policy judges by an annotation of the namespace.
type Choice struct {
	At, Value, Annotation string
}

// Confined is a thing that only some namespaces may use.
type Confined struct {
	At   string // where the object names it
	What string // such as ClusterSecretStore shared
	// To are the namespaces that may: those that one of these matches.
	To []NamespaceMatch
}

// NamespaceMatch matches a namespace that is among Names, or that one of Patterns matches anywhere in its name, or whose labels Selector
// matches.
type NamespaceMatch struct {
	Names    []string
	Patterns []string              // of package regexp
	Selector *metav1.LabelSelector // nil: matches none
}

// Read names one value, or with Path a set of values, within a Store. It is comparable.
type Read struct {
	Key           string
	Path          bool // Key is a path whose children are read
	Recursive     bool // with Path: all descendants
	Version       string
	VersionID     string
	VersionStage  string
	EngineVersion int32 // of a key-value engine that comes in several
	// EngineMount is the part of Key that is the mount of the engine, with Path; empty: its first segment.
	EngineMount string `json:",omitempty"`
	// Object is what Key names where a backend keeps several kinds of things, such as certificate; empty: a secret.
	Object string `json:",omitempty"`
	// Tags are those that a value must have to be read, with Path: each as in key=value.
	Tags List `json:",omitempty"`
	// Optional: what the backend proves not to exist is read as no value. All other failures stay failures.
	Optional bool `json:",omitempty"`
}

// Source is a Read and its Store: what is fetched once, however many objects ask for it. It is comparable.
type Source struct {
	Store
	Read
}

// EntryKind says what becomes of a value.
type EntryKind int

// The kinds of entries.
const (
	Single  EntryKind = iota // one entry of the Secret, called Name
	Members                  // the value is a JSON object; each member is an entry
	Tree                     // each value of a path walk is an entry, named by its last segment
)

// Entry is a Source and what it becomes in the Secret. It is comparable.
type Entry struct {
	Field    string // where the object asks for it, such as spec.data[1]
	KeyField string // where the object names the key, such as spec.data[1].key
	Kind     EntryKind
	Name     string // for Single
	Source   Source
	Property string // look this up in the JSON value; empty: the whole value. Of Members, it is the object
	Syntax   Syntax `json:",omitempty"` // of Property
	Binary   bool   // the value is base64 text
	// Decoding is done to each value that the entry makes.
	Decoding Decoding `json:",omitempty"`
	NoNUL    bool     `json:",omitempty"` // a value with a byte of zero is an error
	// Matching is a pattern (of package regexp) that is found in the names whose values a Tree takes; empty: it takes all.
	Matching string `json:",omitempty"`
	// Naming makes the entries' names of those of Members, or of a Tree. Nil: members have theirs, and values of a walk their last segment.
	Naming *Naming `json:",omitempty"`
}

// Syntax is a language of properties.
type Syntax string

// The syntaxes.
const (
	Lodash Syntax = "" // a path of lodash's get
	// GJSON is a path of github.com/tidwall/gjson that the rule GJSONPath accepts. An own member of exactly that name comes first. What is
	// found is written as it is in the value, spaces and digits included; null is an empty text. So are the members of an entry with a Naming.
	GJSON Syntax = "gjson"
	// GJSONPathFirst is GJSON, but the path comes first.
	GJSONPathFirst Syntax = "gjson, path first"
)

// Decoding is how a value is decoded.
type Decoding string

// The decodings.
const (
	NoDecoding Decoding = ""
	Base64     Decoding = "Base64"
	Base64URL  Decoding = "Base64URL"
	AutoDecode Decoding = "Auto" // base64, else base64 for URLs, else the text as it is
)

// Naming makes names of entries: by the rewrites, one after the other, or where there are none by the conversion.
type Naming struct {
	Rewrites   []Rewrite
	Conversion Conversion
	Field      string // where the rewrites stand, such as spec.dataFrom[0].rewrite
}

// Conversion is what becomes of the characters that no entry's name has.
type Conversion string

// The conversions.
const (
	Underscore Conversion = "Default" // each is _
	Unicode    Conversion = "Unicode" // each is as in _U002f_
)

// Rewrite is one of its fields.
type Rewrite struct {
	Regexp *RewriteRegexp
	Merge  *RewriteMerge
}

// RewriteRegexp replaces what a pattern (of package regexp) finds in names.
type RewriteRegexp struct{ Source, Target string }

// RewriteMerge takes each value for a JSON object, and makes entries of the members of all.
type RewriteMerge struct {
	Into           string   // the name of one entry that is the object of all members; empty: each member is an entry
	Priority       []string // names whose members win, the last one over all
	IgnoreMissing  bool     // a name of Priority need not be there
	IgnoreConflict bool     // members of one name need not be an error: the later one wins
}

// Template is the Secret that values are merged over.
type Template struct {
	Labels      map[string]string
	Annotations map[string]string
	Type        string // Opaque if the object names none
	Immutable   *bool
	Data        map[string][]byte // below the entries
	StringData  map[string][]byte `json:",omitempty"` // above the entries
	Made        []Made            `json:",omitempty"` // by templates, of the entries
	Engine      template.Engine   `json:",omitempty"` // of Made
	Options     template.Options  `json:",omitzero"`  // of Engine
	// Hidden: entries are for Made alone, and no part of the Secret.
	Hidden bool `json:",omitempty"`
	// Removed are annotations and labels that the Secret must not have, though another client set them.
	Removed []string `json:",omitempty"`
	Stamp   Stamp
}

// Made is a text of the Secret that a template makes of the entries. It wins over another text of its part and name.
type Made struct {
	template.Text
	Part Part
	Name string // of the entry, the label or the annotation
	// Each: the text is YAML, an object whose members are the names and the texts.
	Each bool `json:",omitempty"`
}

// Part is a part of a Secret that has texts by name.
type Part int

// The parts that have made texts.
const (
	InData       Part = iota // base64, below the entries
	InStringData             // above the entries
	InLabels
	InAnnotations
)

// Stamp is the annotation with the time of the Secret's last change, and the format of the time. The zero value is none.
type Stamp struct{ Annotation, Format string }

// Refresh says how often the backend is read again.
type Refresh struct {
	Never    bool          // it is read when the object is edited, or forced
	Once     bool          `json:",omitempty"` // it is not even read then, once the Secret was made, as long as that is there
	Interval time.Duration // 0: the syncer's default
}

// Sources lists the distinct Sources of the plan in the order of its entries.
func (p *Plan) Sources() []Source {
	type read struct {
		store int // by its place among the Stores, as a Store is large to compare
		Read
	}
	seen := make(map[read]bool, len(p.Entries))
	sources := make([]Source, 0, len(p.Entries))
	stores := numbers{}
	for i := range p.Entries {
		s := &p.Entries[i].Source
		if r := (read{stores.of(&s.Store), s.Read}); !seen[r] {
			seen[r] = true
			sources = append(sources, *s)
		}
	}
	return sources
}

// numbers numbers Stores in the order in which they come. Entries that follow each other mostly are of one.
type numbers struct {
	all   []*Store
	known map[Store]int // once there are several
}

func (n *numbers) of(s *Store) int {
	last := len(n.all) - 1
	switch {
	case last < 0:
		n.all = append(n.all, s)
		return 0
	case *n.all[last] == *s:
		return last
	case n.known == nil:
		n.known = map[Store]int{*n.all[0]: 0}
	}
	number, known := n.known[*s]
	if !known {
		number = len(n.all)
		n.known[*s] = number
		n.all = append(n.all, s)
	}
	return number
}

// Stores lists the distinct Stores of the plan, those of its entries first, in their order. An object that reads nothing may have
// some, too, which are among its Places.
func (p *Plan) Stores() []Store {
	read := numbers{}
	for i := range p.Entries {
		read.of(&p.Entries[i].Source.Store)
	}
	stores := make([]Store, 0, len(read.all))
	for _, s := range read.all {
		stores = append(stores, *s)
	}
	for s := range p.Places {
		if !slices.Contains(stores[:len(read.all)], s) {
			stores = append(stores, s)
		}
	}
	slices.SortFunc(stores[len(read.all):], func(a, b Store) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return stores
}
