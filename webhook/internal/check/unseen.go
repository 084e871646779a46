package check

import (
	"fmt"

	"github.com/secretgate/secretgate/webhook/internal/admit"
)

// unseen is a namespace that is not judged itself, since no input holds it, and the objects that it is the policy of.
type unseen struct {
	namespace string
	found     answer
	first     object // of them
	objects   int
	unnamed   bool // one of them names no namespace
}

// unseens are such namespaces, in the order of the inputs. The findings about each are reported once, after those about the
// objects: among a sentence for every object, nothing else would be seen.
type unseens struct {
	list []*unseen
	by   map[string]*unseen
}

func (u *unseens) add(one *unseen) {
	if before := u.by[one.namespace]; before != nil {
		before.objects += one.objects
		before.unnamed = before.unnamed || one.unnamed
		return
	}
	if u.by == nil {
		u.by = map[string]*unseen{}
	}
	u.list, u.by[one.namespace] = append(u.list, one), one
}

func (c *Checker) judgeUnseen(u unseens) []Finding {
	severity := Error
	if c.UnknownNamespace == UnknownWarns {
		severity = Warning
	}
	var list []Finding
	for _, one := range u.list {
		f := c.about(one.first)
		switch {
		case one.found.found:
			c.warnOfNamespace(f, one)
		case c.UnknownNamespace != UnknownPasses:
			f.add(severity, UnknownNamespace, "metadata.namespace", c.whyUnknown(one))
		}
		list = append(list, f.list...)
	}
	return list
}

// warnOfNamespace passes on what its webhook would warn of. A pattern that cannot be parsed denies the objects, and says why.
func (c *Checker) warnOfNamespace(f *findings, u *unseen) {
	settings := c.Settings
	settings.Legacy = settings.Legacy && !c.CompareMatching
	_, warnings := admit.Annotations(u.found.Annotations, settings)
	for _, warning := range warnings {
		f.add(Warning, Advice, "metadata.namespace", fmt.Sprintf("namespace %q: %s", u.namespace, warning))
	}
}

func (c *Checker) whyUnknown(u *unseen) string {
	name, annotations := fmt.Sprintf("namespace %q", u.namespace), "its annotations are the policy of "+counted(u.objects, "object")
	or := ""
	if u.unnamed {
		or = ", or say where objects will be that name no namespace (--namespace)"
	}
	switch {
	case u.found.err != nil:
		return fmt.Sprintf("%s cannot be read, and %s: %v", name, annotations, u.found.err)
	case c.namespaces.live != nil:
		return name + " does not exist in the cluster, and " + annotations + ": create it first, or name the file of its manifest " +
			"(--namespaces)" + or
	default:
		return name + " is not known, and " + annotations + ": name the file of its manifest (--namespaces), or a cluster that has it " +
			"(--kubeconfig)" + or + ", or do without (--unknown-namespace=allow)"
	}
}
