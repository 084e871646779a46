// Package plan is what every dialect turns its objects into: a Plan says what will be read, from where and as whom, and the Secret
// to make of it. What is not in a Plan is not judged by policy and cannot be fetched. The package depends on no API and no backend.
package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

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
	AdoptExisting  bool // take over a Secret that no controller owns, where the namespace permits that
}

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

// Read names one value, or with Path a set of values, within a Store. It is comparable.
type Read struct {
	Key           string
	Path          bool // Key is a path whose children are read
	Recursive     bool // with Path: all descendants
	Version       string
	VersionID     string
	VersionStage  string
	EngineVersion int32 // of a key-value engine that comes in several
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
	Property string // look this up in the JSON value; empty: the whole value
	Binary   bool   // the value is base64 text
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
	Stamp       Stamp
}

// Made is a text of the Secret that a template makes of the entries. It wins over another text of its part and name.
type Made struct {
	template.Text
	Part Part
	Name string // of the entry, the label or the annotation
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
	Never    bool
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
