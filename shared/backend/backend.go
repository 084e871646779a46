// Package backend holds what is known of each backend before anything is read: which keys it takes, what a read may say besides,
// and what a namespace may restrict. Each has a file of its own; what reads it is a driver of the syncer.
package backend

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
)

// Backend is one of them.
type Backend struct {
	Name plan.Backend
	// Key is the rule of its keys.
	Key plan.Rule
	// Store holds the rules of those aspects of a Store that mean something to it.
	Store map[plan.Aspect]plan.Rule
	// Given holds the rules of those that a Store may have, and no namespace restricts, as they give it no right: where it is read is up to
	// the installation, or who logs in is said elsewhere.
	Given map[plan.Aspect]plan.Rule
	// Nouns are what messages call an aspect of its Store, before the value. A role without one speaks for itself.
	Nouns map[plan.Aspect]string
	// Limits are the aspects that a namespace may restrict.
	Limits []Limit
	// Walks: it can read what is below a path.
	Walks bool
	// Finds: it can list the names below a prefix, or all.
	Finds bool
	// Folders: what it finds is below the key as a path; else what begins with the key.
	Folders bool
	// Objects are what a read may name beside secrets (plan.Read.Object). Such a key begins with the object's kind and a slash.
	Objects []string
	// Pins are the options of a read that choose a version, where an API says that in an option of its own.
	Pins []Pin
	// Read drops the options that mean nothing to it, so that reads which differ in nothing else are one, and fills in what it
	// takes for granted.
	Read func(plan.Read) plan.Read
	// KeyOf adds a version to a key, where that is how to ask for one; nil: it is not.
	KeyOf func(key, version string) string

	arnService string // of the ARNs that it takes as keys
}

// Limit is an aspect of a Store that a namespace may restrict.
type Limit struct {
	Aspect     plan.Aspect
	Annotation string // whose patterns the value must match
	// Demand is the annotation by which a namespace demands that there be a value; empty: none does.
	Demand string
	// Chosen: only a value that the object chose is judged. What the installation has in its place is not known here.
	Chosen bool
}

// Pin is an option that chooses a version.
type Pin string

// The pins.
const (
	Version      Pin = "version"
	VersionID    Pin = "versionId"
	VersionStage Pin = "versionStage"
)

// All lists the backends in the order in which messages list them.
func All() []*Backend {
	return []*Backend{&awsSecretsManager, &awsParameterStore, &vault, &azureKeyVault, &gcpSecretManager, &alicloudKMS}
}

// Of is the backend of a name.
func Of(name plan.Backend) (*Backend, bool) {
	for _, b := range All() {
		if b.Name == name {
			return b, true
		}
	}
	return nil, false
}

// Names lists their names, for messages.
func Names() string {
	var all []string
	for _, b := range All() {
		all = append(all, string(b.Name))
	}
	return strings.Join(all, ", ")
}

// Annotations lists those by which a namespace restricts backends, beside that of keys: the role's first.
func Annotations() []string {
	var all []string
	for _, b := range All() {
		for _, l := range b.Limits {
			if !slices.Contains(all, l.Annotation) {
				all = append(all, l.Annotation)
			}
		}
	}
	return all
}

// Uses reports whether an aspect of a Store means something to the backend, and to namespaces.
func (b *Backend) Uses(a plan.Aspect) bool { return b.Store[a] != nil }

// Takes reports whether a Store of the backend may have an aspect at all.
func (b *Backend) Takes(a plan.Aspect) bool { return b.rule(a) != nil }

func (b *Backend) rule(a plan.Aspect) plan.Rule {
	if rule := b.Store[a]; rule != nil {
		return rule
	}
	return b.Given[a]
}

// Knows reports whether an option means something to the backend.
func (b *Backend) Knows(p Pin) bool { return slices.Contains(b.Pins, p) }

// Pinned drops the options of a read that are none of its Pins: for an API in which they mean nothing then.
func (b *Backend) Pinned(r plan.Read) plan.Read {
	for pin, value := range map[Pin]*string{Version: &r.Version, VersionID: &r.VersionID, VersionStage: &r.VersionStage} {
		if !b.Knows(pin) {
			*value = ""
		}
	}
	return r
}

// Check judges the form of a Store, whose aspects stand at places of the object.
func (b *Backend) Check(to *plan.Builder, s plan.Store, places plan.Places) {
	for _, aspect := range plan.Aspects() {
		if at := places[aspect].Field; at != "" {
			to.Canonical(field.NewPath(at), s.Get(aspect), b.rule(aspect))
		}
	}
}

// Unusable says why an installation's value for an aspect can never be used, or nothing: as it stands in for a field, it would be the
// fault of every object that lacks it.
func (b *Backend) Unusable(a plan.Aspect, value string) (problem string) {
	switch {
	case value == "":
		return ""
	case utf8.RuneCountInString(value) > plan.MaxText:
		return fmt.Sprintf("may not be more than %d characters", plan.MaxText)
	}
	return b.rule(a)(value)
}

// Add adds an entry to a plan, whose key stands at a path of the object. The plan has the Places of the entry's Store already. The key is
// only empty where names are listed, and all are meant.
func (b *Backend) Add(to *plan.Builder, e plan.Entry, at *field.Path) {
	read := e.Source.Read
	if read.Key == "" && (!read.Path || !b.Finds) {
		to.Fail(field.Required(at, "the backend's name of the secret"))
		return
	}
	to.Canonical(at, read.Key, b.Key)
	if problem := b.foreign(read); problem != "" {
		to.Fail(field.Invalid(at, read.Key, problem))
	}
	if !read.Path {
		b.arnKey(to, at, e.Source)
	}
	to.Plan.Entries = append(to.Plan.Entries, e)
}

// foreign says why a key is not one of the kind of object that a read names, or nothing.
func (b *Backend) foreign(r plan.Read) string {
	if r.Object == "" {
		return ""
	}
	name, ok := strings.CutPrefix(r.Key, r.Object+"/")
	if !ok || strings.Contains(name, "/") || r.Path || !slices.Contains(b.Objects, r.Object) {
		return fmt.Sprintf("must be %s/name to read a %[1]s of %s", r.Object, b.Name)
	}
	return ""
}

// bare is a read of the current version, whatever the object says.
func bare(r plan.Read) plan.Read {
	return plan.Read{Key: r.Key, Path: r.Path, Recursive: r.Recursive, Optional: r.Optional}
}

// tagged is bare, with the tags that a walk asks for.
func tagged(r plan.Read) plan.Read {
	read := bare(r)
	if r.Path {
		read.Tags = r.Tags
	}
	return read
}

// account is the limit of the ServiceAccount that a login proves itself by.
var account = Limit{Aspect: plan.Account, Annotation: names.AnnotationPermittedServiceAccount, Chosen: true}

// server is for the URL of a server: one spelling of each, so that a pattern means what it says.
func server(value string) string {
	if strings.ContainsFunc(value, func(r rune) bool { return r > unicode.MaxASCII }) {
		return "must be of ASCII alone: HTTP clients take other characters for those that they resemble"
	}
	u, err := url.Parse(value)
	if err != nil {
		u = &url.URL{}
	}
	canonical := strings.ToLower(u.Scheme + "://" + u.Host)
	switch {
	case u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "":
		return "must be a URL such as https://vault.example.com:8200"
	case u.User != nil, u.RawQuery != "", u.Fragment != "", strings.Trim(u.Path, "/") != "":
		return "must be a scheme, a host and a port, and nothing else"
	case value != canonical:
		return "must be in lower case, and not end with a slash: write " + canonical
	}
	return ""
}
