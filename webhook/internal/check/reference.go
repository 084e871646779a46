package check

import (
	"context"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/dialect"
)

// LiveObject reads an object that others refer to from a cluster. It is not found where the cluster has none, or not its kind.
type LiveObject func(
	ctx context.Context, resource schema.GroupVersionResource, namespace, name string,
) (object map[string]any, found bool, err error)

// references are the objects that others refer to: those of the files, and of the cluster where one is asked.
type references struct {
	known map[dialect.Reference]dialect.Object // not written to once checking starts
	live  LiveObject
	asked sync.Map // dialect.Reference -> func() referred
}

// referred is what was found; the error says why it is not known.
type referred struct {
	object dialect.Object
	err    error
}

// collectReference keeps an object of the files. The last one of a name counts, as if they were applied. What cannot be read is judged
// where it stands.
func (c *Checker) collectReference(s served, o object) {
	if object, err := s.typed(o.value, c.namespaceFor(s, o)); err == nil {
		c.references.known[dialect.Reference{Kind: s.GroupKind(), Namespace: object.GetNamespace(), Name: object.GetName()}] = object
	}
}

// resolve looks for what an object refers to, in the files first: what they hold is what will be applied.
func (c *Checker) resolve(ctx context.Context, wanted []dialect.Reference) (resolved dialect.Resolved, problems map[string]error) {
	resolved, problems = dialect.Resolved{}, map[string]error{}
	for _, one := range wanted {
		object, known := c.references.known[one]
		if !known {
			found := c.lookUp(ctx, one)
			object = found.object
			if found.err != nil {
				problems[one.Name] = found.err
			}
		}
		if object != nil {
			resolved[one] = object
		}
	}
	return resolved, problems
}

// lookUp reads from the cluster, once.
func (c *Checker) lookUp(ctx context.Context, wanted dialect.Reference) referred {
	if c.references.live == nil {
		return referred{}
	}
	ask, _ := c.references.asked.LoadOrStore(wanted, sync.OnceValue(func() referred {
		for _, s := range c.apis {
			if s.kind != nil || s.GroupKind() != wanted.Kind {
				continue
			}
			value, found, err := c.references.live(ctx, s.GroupVersion().WithResource(s.Resource), wanted.Namespace, wanted.Name)
			if err != nil || !found {
				return referred{err: err}
			}
			object, err := s.typed(value, wanted.Namespace)
			return referred{object, err}
		}
		return referred{}
	}))
	once, _ := ask.(func() referred)
	return once()
}

// missing says what an object refers to and is not known. Admission stores such an object.
func (c *Checker) missing(f *findings, errs field.ErrorList, problems map[string]error) {
	severity := Warning
	if c.StrictReferences {
		severity = Error
	}
	for _, err := range errs {
		name, _ := err.BadValue.(string)
		where := " among the files: name its file, too (--namespaces), or a cluster that has it (--kubeconfig)"
		switch problem := problems[name]; {
		case problem != nil:
			where = " among the files, and the cluster's cannot be read: " + problem.Error()
		case c.references.live != nil:
			where = ", neither among the files nor in the cluster"
		}
		f.add(severity, Invalid, err.Field, err.Detail+where+"; what is read by it is not judged")
	}
}
