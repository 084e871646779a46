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
	// Asks are annotations by which a Secret that exists asks for more than this says.
	Asks Asks `json:",omitzero"`
	// Final: once the Secret is immutable, its data is never written again.
	Final bool `json:",omitempty"`
	// Fixed: a Secret that is immutable is not made anew. That it would have to be changed is an error.
	Fixed bool `json:",omitempty"`
	// DeleteEmpty: the Secret is deleted once the backend has proved that all that is Optional is gone.
	DeleteEmpty bool `json:",omitempty"`
}

// Asks are the annotations by which a Secret that another client made asks, with the value "true", for what an object may do where its
// namespace permits that. Empty: there is none.
type Asks struct {
	// Adopt asks to be taken over.
	Adopt string
	// Share asks to have the entries, labels and annotations of the object set, and all others left as they are. So is the owner, unless the
	// Secret asks to be taken over, too.
	Share string
}

// Of is what a Secret with some annotations asks for.
func (a Asks) Of(annotations map[string]string) (adopt, share bool) {
	return a.Adopt != "" && annotations[a.Adopt] == "true", a.Share != "" && annotations[a.Share] == "true"
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
	By   string // its field that says so, such as spec.conditions
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
	// Inputs are given to Made beside the entries, by their names: JSON where Options says so of values. Of one name, the entry wins.
	Inputs map[string][]byte `json:",omitempty"`
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
	Windows  *Windows      `json:",omitempty"` // of refreshes at the interval; nil: they may always be
}

// HasSealed reports whether the object holds values that are sealed.
func (p *Plan) HasSealed() bool {
	for i := range p.Entries {
		if p.Entries[i].IsSealed() {
			return true
		}
	}
	return false
}

// Sources lists the distinct Sources of the plan in the order of its entries. What is sealed has none.
func (p *Plan) Sources() []Source {
	type read struct {
		store int // by its place among the Stores, as a Store is large to compare
		Read
	}
	seen := make(map[read]bool, len(p.Entries))
	sources := make([]Source, 0, len(p.Entries))
	stores := numbers{}
	for i := range p.Entries {
		if p.Entries[i].IsSealed() {
			continue
		}
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
		if !p.Entries[i].IsSealed() {
			read.of(&p.Entries[i].Source.Store)
		}
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
