// Package revision is how a workload remembers with what its pods were started: a list of Secrets and ConfigMaps, each with a revision
// that says whether it has changed, and nothing of what it holds.
package revision

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Kind is what a Source is.
type Kind string

// The kinds of Sources.
const (
	Secret    Kind = "Secret"
	ConfigMap Kind = "ConfigMap"
)

// Source is a Secret or a ConfigMap of the workload's namespace.
type Source struct {
	Kind Kind
	Name string
}

// String is the source as a list has it: the name of a Secret alone, since most are.
func (s Source) String() string {
	if s.Kind == ConfigMap {
		return "configmap/" + s.Name
	}
	return s.Name
}

func compare(a, b Source) int {
	return cmp.Or(-strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.Name, b.Name))
}

// Sorted orders sources as a list has them: Secrets first, by name.
func Sorted(sources []Source) []Source { return slices.SortedFunc(slices.Values(sources), compare) }

// Of is the revision of a Secret: the beginning of its uid, so that one which was deleted and made again differs, and its count of
// changes. It is empty where the count is not known.
func Of(uid string, count int64) string {
	if count <= 0 {
		return ""
	}
	const enough = 8
	return uid[:min(len(uid), enough)] + "." + strconv.FormatInt(count, 10)
}

// List is revisions by source. Its text is that of an annotation, such as db=3f2a91c0.7,configmap/settings=9b01d2e4.
type List map[Source]string

// Parse reads the text of a List. What is not understood is left out: it is recorded anew.
func Parse(text string) List {
	list := List{}
	for item := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(item), "=")
		if !ok || name == "" || value == "" {
			continue
		}
		source := Source{Kind: Secret, Name: name}
		if of, ok := strings.CutPrefix(name, "configmap/"); ok {
			source = Source{Kind: ConfigMap, Name: of}
		}
		list[source] = value
	}
	return list
}

func (l List) String() string {
	items := make([]string, 0, len(l))
	for _, source := range Sorted(slices.Collect(maps.Keys(l))) {
		items = append(items, source.String()+"="+l[source])
	}
	return strings.Join(items, ",")
}

// With is the list with the revisions of another, which win.
func (l List) With(other List) List {
	all := maps.Clone(l)
	if all == nil {
		all = List{}
	}
	maps.Copy(all, other)
	return all
}

// Changed are the sources that both lists have, with other revisions.
func (l List) Changed(current List) []Source {
	var changed []Source
	for source, value := range current {
		if before, known := l[source]; known && before != value {
			changed = append(changed, source)
		}
	}
	return Sorted(changed)
}

// Lacks reports whether another list has a source that this one lacks.
func (l List) Lacks(current List) bool {
	for source := range current {
		if _, known := l[source]; !known {
			return true
		}
	}
	return false
}
