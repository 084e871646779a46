package check

import "fmt"

// unjudged is a namespace that is not known, and the objects whose policy was not judged for it.
type unjudged struct {
	namespace string
	first     object // of them
	objects   int
	unnamed   bool  // one of them names no namespace
	err       error // why it cannot be read
}

// unknowns are the namespaces that are not known, in the order of the inputs. What there is to say is said once of each, behind what
// is wrong with the objects: among a sentence for every object, nothing else would be seen.
type unknowns struct {
	list []*unjudged
	by   map[string]*unjudged
}

func (u *unknowns) add(one *unjudged) {
	if before := u.by[one.namespace]; before != nil {
		before.objects += one.objects
		before.unnamed = before.unnamed || one.unnamed
		return
	}
	if u.by == nil {
		u.by = map[string]*unjudged{}
	}
	u.list, u.by[one.namespace] = append(u.list, one), one
}

func (c *Checker) judgeUnknown(u unknowns) []Finding {
	severity := Error
	if c.UnknownNamespace == UnknownWarns {
		severity = Warning
	}
	var list []Finding
	for _, one := range u.list {
		f := c.about(one.first)
		f.add(severity, UnknownNamespace, "metadata.namespace", c.whyUnknown(one))
		list = append(list, f.list...)
	}
	return list
}

func (c *Checker) whyUnknown(u *unjudged) string {
	name, annotations := fmt.Sprintf("namespace %q", u.namespace), "its annotations are the policy of "+counted(u.objects, "object")
	or := ""
	if u.unnamed {
		or = ", or say where objects will be that name no namespace (--namespace)"
	}
	switch {
	case u.err != nil:
		return fmt.Sprintf("%s cannot be read, and %s: %v", name, annotations, u.err)
	case c.namespaces.live != nil:
		return name + " does not exist in the cluster, and " + annotations + ": create it first, or name the file of its manifest (--namespaces)" + or
	default:
		return name + " is not known, and " + annotations + ": name the file of its manifest (--namespaces), or a cluster that has it " +
			"(--kubeconfig)" + or + ", or do without (--unknown-namespace=allow)"
	}
}
