package admit

import (
	"context"
	"fmt"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
)

// Bounds of looking through a namespace: a request waits for it, and objects may be of a megabyte each.
const (
	lookTime   = 1500 * time.Millisecond // the API server waits 3 s for us
	lookPage   = 25                      // objects in memory at a time
	lookMost   = 2000                    // objects
	maxNamed   = 10                      // objects that warnings name
	maxOfPaths = 3                       // fields that a warning names
)

// Stored looks for the stored objects that new annotations of their namespace forbid. It reads them live, a page at a time: an
// informer would hold every ExternalSecret of the cluster for the few writes that change a policy.
type Stored struct {
	Live     client.Reader
	Settings policy.Settings
	Defaults plan.Defaults
	// Turns bounds how many requests look at a time, by its capacity; nil: any number.
	Turns chan struct{}
}

// tally is what was found.
type tally struct {
	examined, newly, already int
	named                    []string // sentences about the first of those newly forbidden
	incomplete               string   // why not all were examined; empty: all were
}

// forbidden examines the objects of a namespace. What goes wrong makes the tally incomplete.
func (s Stored) forbidden(ctx context.Context, updated, old policy.Namespace) tally {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	if s.Turns != nil {
		select {
		case s.Turns <- struct{}{}:
			defer func() { <-s.Turns }()
		case <-ctx.Done():
			return tally{incomplete: "others were being examined"}
		}
	}
	var t tally
	for next := ""; ; {
		page := &apiv1.ExternalSecretList{}
		err := s.Live.List(ctx, page, client.InNamespace(updated.Name), client.Limit(lookPage), client.Continue(next))
		for i := range page.Items {
			if ctx.Err() == nil && err == nil {
				t.add(&page.Items[i], updated, old, s)
			}
		}
		next = page.Continue
		switch {
		case ctx.Err() != nil:
			t.incomplete = "there was no time for more"
		case err != nil:
			t.incomplete = "the API server did not list them: " + cut(err.Error())
		case next != "" && t.examined >= lookMost:
			t.incomplete = "there are very many"
		case next != "":
			continue
		}
		return t
	}
}

// add judges one object by the new annotations and by the old ones. What no plan understands is not policy's to judge.
func (t *tally) add(es *apiv1.ExternalSecret, updated, old policy.Namespace, s Stored) {
	t.examined++
	p, errs := plan.From(es, s.Defaults)
	if len(errs) > 0 {
		return
	}
	violations := policy.Check(p, updated, s.Settings)
	switch {
	case len(violations) == 0:
	case len(policy.Check(p, old, s.Settings)) > 0:
		t.already++
	default:
		t.newly++
		if t.newly <= maxNamed {
			t.named = append(t.named, fmt.Sprintf("ExternalSecret %s: %s", es.Name, paths(violations)))
		}
	}
}

// paths names fields, not what is in them: who may annotate a namespace need not be allowed to read its objects.
func paths(violations policy.Violations) string {
	var names []string
	for _, v := range violations[:min(len(violations), maxOfPaths)] {
		names = append(names, v.Field)
	}
	text := strings.Join(names, ", ")
	if more := len(violations) - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// notices words the tally.
func (t tally) notices(namespace string) []notice {
	var notices []notice
	if t.newly > 0 {
		text := fmt.Sprintf("these annotations forbid %s stored in namespace %s that they permitted before; "+
			"refreshes of them end, their Secrets stay", count(t.newly), namespace)
		if t.already > 0 {
			text += fmt.Sprintf(" (%d more were forbidden already)", t.already)
		}
		notices = append(notices, notice{forbidsStored, text})
		for _, sentence := range t.named {
			notices = append(notices, notice{forbidsStored, sentence})
		}
		if more := t.newly - len(t.named); more > 0 {
			notices = append(notices, notice{forbidsStored, fmt.Sprintf("and %d more", more)})
		}
	}
	if t.incomplete != "" {
		notices = append(notices, notice{notAllExamined, fmt.Sprintf(
			"only %s of namespace %s could be examined for what these annotations forbid: %s", count(t.examined), namespace, t.incomplete)})
	}
	return notices
}

func count(n int) string {
	if n == 1 {
		return "1 ExternalSecret"
	}
	return fmt.Sprintf("%d ExternalSecrets", n)
}
