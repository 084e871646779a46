package check

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/secretgate/secretgate/shared/policy"
	"github.com/secretgate/secretgate/webhook/internal/admit"
)

// Unknown says what becomes of an object whose namespace is not known.
type Unknown string

// The choices. The webhook denies, for it cannot know what such a namespace permits; so does a check
// that is told nothing else, or it would call clean what it did not judge.
const (
	UnknownDenies Unknown = "deny"
	UnknownWarns  Unknown = "warn"
	UnknownPasses Unknown = "allow"
)

// namespaces are those of the files, and of the cluster where one is asked.
type namespaces struct {
	known  map[string]policy.Namespace // by name; not written to once checking starts
	judged map[string]bool             // those of them that are inputs, too
	given  policy.Namespace            // what flags say of one, over whatever else it has
	live   Live
	asked  sync.Map // name -> func() answer
}

// Live reads a namespace from a cluster. It is not found where the cluster has none.
type Live func(ctx context.Context, name string) (ns policy.Namespace, found bool, err error)

type answer struct {
	policy.Namespace
	found bool
	err   error
}

// find looks for a namespace, and adds what flags say of it.
func (n *namespaces) find(ctx context.Context, name string) answer {
	found := n.read(ctx, name)
	if name != n.given.Name || len(n.given.Annotations)+len(n.given.Labels) == 0 || found.err != nil {
		return found
	}
	return answer{found: true, Namespace: policy.Namespace{
		Name: name, Annotations: over(found.Annotations, n.given.Annotations), Labels: over(found.Labels, n.given.Labels),
	}}
}

// over puts texts over others.
func over(others, texts map[string]string) map[string]string {
	merged := map[string]string{}
	maps.Copy(merged, others)
	maps.Copy(merged, texts)
	return merged
}

// read looks in the files first: what they hold is what will be applied.
func (n *namespaces) read(ctx context.Context, name string) answer {
	if ns, ok := n.known[name]; ok {
		return answer{Namespace: ns, found: true}
	}
	if n.live == nil {
		return answer{}
	}
	ask, _ := n.asked.LoadOrStore(name, sync.OnceValue(func() answer {
		ns, found, err := n.live(ctx, name)
		return answer{ns, found, err}
	}))
	once, _ := ask.(func() answer)
	return once()
}

// collect keeps a Namespace of the files. The last one of a name counts, as if they were applied.
func (n *namespaces) collect(o object, judged bool) {
	name := o.metadata("name")
	ns := policy.Namespace{Name: name}
	ns.Annotations, _ = o.texts("annotations")
	ns.Labels, _ = o.texts("labels")
	n.known[name] = ns
	n.judged[name] = n.judged[name] || judged
}

// texts are an object's labels or annotations, and the keys of those whose values are no texts, in order.
func (o object) texts(name string) (texts map[string]string, others []string) {
	texts = map[string]string{}
	metadata, _ := o.value["metadata"].(map[string]any)
	members, _ := metadata[name].(map[string]any)
	for key, value := range members {
		text, ok := value.(string)
		if !ok && value != nil { // null is stored as an empty text
			others = append(others, key)
			continue
		}
		texts[key] = text
	}
	slices.Sort(others)
	return texts, others
}

// judgeNamespace adds what the webhook of namespaces would say to the creation of a namespace.
func (c *Checker) judgeNamespace(o object) *findings {
	f := &findings{object: o, name: o.metadata("name")}
	c.repeated(f)
	metadataOf(f) // what is no annotation is no policy
	texts, _ := o.texts("annotations")
	violations, warnings := admit.Annotations(texts, c.Settings)
	f.errors(Pattern, violations)
	for _, warning := range warnings {
		f.add(Warning, Advice, "metadata.annotations", warning)
	}
	return f
}

// namespace finds the namespace of an object, or notes that its policy is not judged.
func (c *Checker) namespace(ctx context.Context, f *findings, name string) (policy.Namespace, bool) {
	found := c.namespaces.find(ctx, name)
	if !c.namespaces.judged[name] {
		f.unseen = &unseen{
			namespace: name, found: found, first: f.object, objects: 1, unnamed: f.object.metadata("namespace") == "",
		}
	}
	found.Name = name
	return found.Namespace, found.found
}

// compareNamespace says which of a Namespace's patterns hardly permit what is meant where they match whole values.
func (c *Checker) compareNamespace(o object) *findings {
	f := &findings{object: o, name: o.metadata("name")}
	texts, _ := o.texts("annotations")
	whole := c.Settings
	whole.Legacy = false
	for _, sentence := range policy.Hints(texts, whole) {
		f.add(Warning, Matching, "metadata.annotations", sentence)
	}
	return f
}
