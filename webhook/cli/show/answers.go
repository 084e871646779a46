package show

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/webhook/cli/shape"
)

// WhoCan is that of a key.
type WhoCan shape.WhoCan

func (w WhoCan) write(p *Page) {
	if len(w.Namespaces) == 0 {
		p.line("No namespace permits %s.", strconv.Quote(w.Key))
	} else {
		rows := [][]string{{"VERDICT", "NAMESPACE", "BY", "ONLY WITH"}}
		for _, a := range w.Namespaces {
			rows = append(rows, []string{a.Verdict, a.Namespace, reasons(a.Limits), orNone(narrowed(a.Narrowed))})
		}
		p.table("", []int{0}, rows...)
	}
	if w.Denied > 0 {
		p.line("%s: denied", plural(w.Denied, "namespace"))
	}
	p.title("READERS")
	if len(w.Readers) == 0 {
		p.line("  none")
	} else {
		rows := [][]string{{"VERDICT", "OBJECT", "FIELD", "BACKEND", "ROLE", "READY"}}
		for _, r := range w.Readers {
			at := r.Field
			if r.Walks != "" {
				at += " (below " + r.Walks + ")"
			}
			rows = append(rows, []string{r.Verdict, nameOf(r.Object), at, r.Backend, orNone(r.Role), orNone(r.Reason)})
		}
		p.table("  ", []int{0}, rows...)
	}
	p.notes(w.Notes)
}

func reasons(limits []shape.Limit) string {
	var all []string
	for _, l := range limits {
		why := by(l)
		switch {
		case l.Of == "role":
			why = "role " + l.Value + " " + l.Verdict
		case l.Verdict == shape.Denied && l.Patterns != nil:
			why = l.Annotation + " allows " + patterns(l.Patterns)
		}
		all = append(all, why)
	}
	return strings.Join(all, "; ")
}

func narrowed(limits []shape.Narrowing) string {
	var all []string
	for _, l := range limits {
		if l.Annotation == names.AnnotationRequireRole {
			if slices.Equal(l.Patterns, []string{"true"}) {
				all = append(all, "a role")
			}
			continue
		}
		all = append(all, l.Of+" "+patterns(l.Patterns))
	}
	return strings.Join(all, "; ")
}

// Refresh is what became of objects.
type Refresh shape.Refresh

func (r Refresh) write(p *Page) {
	var rows [][]string
	for _, one := range r.Results {
		line := nameOf(one.Object)
		if one.Reason != "" && one.Outcome != shape.Refreshed {
			line += ": " + one.Reason
		}
		if one.Message != "" {
			line += ": " + one.Message
		}
		rows = append(rows, []string{one.Outcome, line})
	}
	p.table("", []int{0}, rows...)
}

// Tree is an object, what it is made of, and what is made of it.
type Tree shape.Tree

func (t Tree) write(p *Page) {
	head := nameOf(t.Object)
	if t.Reason != "" {
		head += " (" + t.Reason + ")"
	}
	p.line("%s", head)
	for _, s := range t.Stores {
		p.line("├─ refers to %s%s", nameOf(s.Object), known(s.Found, "", ": not there", ": not known"))
	}
	for _, s := range t.Sources {
		key := s.Key
		if s.Path {
			key += " (path)"
		}
		as := ""
		for _, a := range s.Identity {
			if a.Value != "" {
				as += ", " + a.Name + " " + a.Value
			}
		}
		p.line("├─ source %s %s%s", s.Backend, key, as)
	}
	s := t.Secret
	state := known(s.Exists, "", ": not there", ": not known") + known(s.Owned, "", ": not this object's", "")
	if s.Changed != nil {
		state += ", changed " + p.ago(s.Changed)
	}
	p.line("└─ Secret %s%s", s.Name, state)
	var below []string
	for _, entry := range s.Entries {
		below = append(below, "entry "+entry)
	}
	for _, w := range t.Restarts {
		below = append(below, "restarts "+w.Kind+" "+w.Name+p.restartSays(w))
	}
	for _, pod := range t.Pods {
		below = append(below, "pod "+pod.Name+podSays(pod))
	}
	for i, one := range below {
		branch := "├─"
		if i == len(below)-1 {
			branch = "└─"
		}
		p.line("   %s %s", branch, one)
	}
	p.notes(t.Notes)
}

func (p *Page) restartSays(w shape.Restarts) string {
	says := ": its pods have revision " + w.Has
	if w.Pending {
		says += ", the Secret has " + w.Is
	}
	if w.Restarted != nil {
		says += "; restarted " + p.ago(w.Restarted)
	}
	if !w.Pending {
		return says
	}
	if w.Waits == "" {
		return says + "; it is restarted after the quiet period, if the restarter runs"
	}
	return says + "; pending: " + w.Waits + ", " + w.Meaning
}

func podSays(pod shape.Pod) string {
	var uses []string
	for _, u := range pod.Uses {
		use := u.How
		if u.Name != "" {
			use += " " + u.Name
		}
		if u.Container != "" {
			use += " of " + u.Container
		}
		uses = append(uses, use)
	}
	says := fmt.Sprintf(" (%s", pod.Phase)
	if pod.Controller != "" {
		says += ", of " + pod.Controller
	}
	says += "): " + strings.Join(uses, ", ")
	if pod.Outdated {
		says += "; started before the Secret changed, and keeps what it was: restart its workload"
	}
	return says
}

func known(is *bool, yes, no, unknown string) string {
	switch {
	case is == nil:
		return unknown
	case *is:
		return yes
	}
	return no
}
