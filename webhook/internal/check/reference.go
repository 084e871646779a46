package check

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/text"
)

// LiveObject reads an object that others refer to from a cluster. It is not found where the cluster has none, or not its kind.
type LiveObject func(
	ctx context.Context, resource schema.GroupVersionResource, namespace, name string,
) (object map[string]any, found bool, err error)

// references are the objects that others refer to: those of the files, and of the cluster where one is asked.
type references struct {
	known  map[dialect.Reference]known     // not written to once checking starts
	own    map[schema.GroupKind][]document // with objects of Kubernetes' own kinds, which are read when one is wanted
	live   LiveObject
	asked  sync.Map // dialect.Reference -> func() referred
	judged sync.Map // dialect.Reference -> func() map[string]bool
}

// known is an object of the files.
type known struct {
	dialect.Object
	from   object
	judged bool // it is an input, too
}

// referred is what was found; the error says why it is not known.
type referred struct {
	object dialect.Object
	err    error
}

// collectReference keeps an object of the files. The last one of a name counts, as if they were applied. What cannot be read is judged
// where it stands.
func (c *Checker) collectReference(s served, o object, judged bool) {
	if one, err := s.typed(o.value, c.namespaceFor(s, o)); err == nil {
		ref := dialect.Reference{Kind: s.GroupKind(), Namespace: one.GetNamespace(), Name: one.GetName()}
		c.references.known[ref] = known{one, o, judged || c.references.known[ref].judged}
	}
}

// ownIn lists Kubernetes' own kinds that a document names in plain letters.
func (c *Checker) ownIn(d document) (kinds []schema.GroupKind) {
	if len(c.own) == 0 {
		return nil
	}
	for _, match := range kindPattern.FindAllSubmatch(d.text, -1) {
		for _, s := range c.own {
			if s.Kind == string(match[1]) && !slices.Contains(kinds, s.GroupKind()) {
				kinds = append(kinds, s.GroupKind())
			}
		}
	}
	return kinds
}

// ownOf looks for an object of one of Kubernetes' own kinds in the files. The last one of a name counts.
func (c *Checker) ownOf(s served, wanted dialect.Reference) dialect.Object {
	for _, d := range slices.Backward(c.references.own[wanted.Kind]) {
		if !bytes.Contains(d.text, []byte(wanted.Name)) {
			continue
		}
		all, _ := objects(d) // such as a template of a chart, which is none of ours
		for _, o := range slices.Backward(all) {
			if !o.is(s.GroupVersion().String(), s.Kind) || o.metadata("name") != wanted.Name || c.namespaceFor(s, o) != wanted.Namespace {
				continue
			}
			if found, err := s.typed(o.value, wanted.Namespace); err == nil {
				return found
			}
		}
	}
	return nil
}

// resolve looks for what an object refers to, in the files first: what they hold is what will be applied.
func (c *Checker) resolve(
	ctx context.Context, wanted []dialect.Reference,
) (resolved dialect.Resolved, problems map[dialect.Reference]error) {
	resolved, problems = dialect.Resolved{}, map[dialect.Reference]error{}
	for _, one := range wanted {
		object := c.references.known[one].Object
		if object == nil {
			found := c.lookUp(ctx, one)
			object = found.object
			if found.err != nil {
				problems[one] = found.err
			}
		}
		if object != nil {
			resolved[one] = object
		}
	}
	return resolved, problems
}

// lookUp looks for an object of one of Kubernetes' own kinds in the files, and for any in the cluster, once.
func (c *Checker) lookUp(ctx context.Context, wanted dialect.Reference) referred {
	ask, _ := c.references.asked.LoadOrStore(wanted, sync.OnceValue(func() referred {
		for _, s := range c.own {
			if s.GroupKind() == wanted.Kind {
				if object := c.ownOf(s, wanted); object != nil {
					return referred{object: object}
				}
				return c.inCluster(ctx, s, wanted)
			}
		}
		for _, s := range c.apis {
			if s.kind == nil && s.GroupKind() == wanted.Kind {
				return c.inCluster(ctx, s, wanted)
			}
		}
		return referred{}
	}))
	once, _ := ask.(func() referred)
	return once()
}

func (c *Checker) inCluster(ctx context.Context, s served, wanted dialect.Reference) referred {
	if c.references.live == nil {
		return referred{}
	}
	value, found, err := c.references.live(ctx, s.GroupVersion().WithResource(s.Resource), wanted.Namespace, wanted.Name)
	if err != nil || !found {
		return referred{err: err}
	}
	object, err := s.typed(value, wanted.Namespace)
	return referred{object, err}
}

// missing says what an object refers to and is not known. Admission stores such an object.
func (c *Checker) missing(ctx context.Context, f *findings, s served, found parseResult) {
	severity := Warning
	if c.StrictReferences {
		severity = Error
	}
	for _, err := range found.missing {
		about, _ := dialect.MissingOf(err, found.references)
		where := " among the files: name its file, too (--namespaces), or a cluster that has it (--kubeconfig)"
		switch problem := found.problems[about]; {
		case problem != nil:
			where = " among the files, and the cluster's cannot be read: " + problem.Error()
		case c.references.live != nil:
			where = ", neither among the files nor in the cluster"
		}
		message := err.Detail + where + "; what is read by it is not judged"
		if slices.ContainsFunc(c.own, func(own served) bool { return own.GroupKind() == about.Kind }) {
			message = err.Detail + where + "; what depends on it is not judged"
		}
		if !c.saidOfStore(ctx, s, found, err.Field, message) {
			f.add(severity, Invalid, err.Field, message)
		}
	}
}

// report says what is wrong with an object, and in which file the store is that it concerns. What was said of the store itself is not
// repeated for each object that refers to it.
func (c *Checker) report(ctx context.Context, f *findings, s served, found parseResult, rule Rule, errs field.ErrorList) {
	for _, err := range errs {
		if c.saidOfStore(ctx, s, found, err.Field, err.ErrorBody()) {
			continue
		}
		other := *err
		if ref, _, within := c.storeAt(found, err.Field); within {
			if file := c.references.known[ref].from.doc.file; file != f.object.doc.file {
				other.Detail += " (the " + ref.Kind.Kind + " is in " + shown(file) + ")"
			}
		}
		f.errors(rule, field.ErrorList{&other})
	}
}

// storeAt is the store of the files that a path leads into, and the path within it.
func (c *Checker) storeAt(found parseResult, path string) (ref dialect.Reference, rest string, within bool) {
	for _, ref := range found.references {
		if rest, within := strings.CutPrefix(path, ref.Path().String()+"."); within && c.references.known[ref].Object != nil {
			return ref, rest, true
		}
	}
	return dialect.Reference{}, "", false
}

// saidOfStore reports whether a finding about an object is one about a store of the inputs, too.
func (c *Checker) saidOfStore(ctx context.Context, s served, found parseResult, path, message string) bool {
	ref, rest, within := c.storeAt(found, path)
	store := c.references.known[ref]
	if s.kind == nil || !within || !store.judged {
		return false
	}
	ask, _ := c.references.judged.LoadOrStore(ref, sync.OnceValue(func() map[string]bool {
		said := map[string]bool{}
		if of, ok := c.apis.of(store.from); ok {
			for _, one := range c.judge(ctx, store.from, of).list {
				said[one.text()] = true
			}
		}
		return said
	}))
	once, _ := ask.(func() map[string]bool)
	return once()[Finding{Path: rest, Message: text.Cut(message, maxMessage)}.text()]
}
