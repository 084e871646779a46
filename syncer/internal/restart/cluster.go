// Package restart restarts workloads whose Secrets have changed: once, within budgets, and never while a rollout is under way. It reads
// the status of the objects that Secrets are made for, workloads, and where that is asked for ConfigMaps. It reads no Secret.
//
//  1. an object, a ConfigMap or a workload changes: remember what of it matters, and have the workloads looked at that follow it
//  2. for one workload: compare the revisions that it remembers with the present ones, and decide
//  3. record, restart or wait, as decided
package restart

import (
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/secretgate/secretgate/shared/revision"
	"github.com/secretgate/secretgate/syncer/internal/restart/decision"
	"github.com/secretgate/secretgate/syncer/internal/restart/workload"
)

// Key names a workload.
type Key = workload.Key

// maker is what makes a Source: an object of a dialect by its kind and name, or the ConfigMap itself.
type maker struct{ kind, name string }

// made is what is known of one maker.
type made struct {
	source     revision.Source
	uid        string // of the Secret
	count      int64
	digest     string // of the ConfigMap
	refreshing bool
	offer      workload.Offer

	reports   *schema.GroupVersionKind // of the object, whose status has conditions; nil: a ConfigMap
	condition *metav1.Condition        // RestartPending, as the object has it
}

// revision is empty where it is not known.
func (m *made) revision() string {
	if m.source.Kind == revision.ConfigMap {
		return m.digest
	}
	return revision.Of(m.uid, m.count)
}

// followed is what is known of a workload beside what it says itself.
type followed struct {
	workload.Workload
	current      string    // the revisions that were last seen to differ; empty: they did not
	first, last  time.Time // when they were first seen to differ, and last seen to change
	rollingSince time.Time // zero: no rollout is under way
	decided      bool      // it was decided about, so that pending is known
	pending      decision.Reason
	waitsFor     []revision.Source // what has changed, where the wait is one to report
}

// namespace is what is known of one.
type namespace struct {
	off       bool
	makers    map[maker]made
	workloads map[Key]*followed
}

// cluster is what is known of all. The zero value is ready to use.
type cluster struct {
	mu         sync.Mutex
	namespaces map[string]*namespace
	budget     decision.Budget
}

// of is what is known of a namespace. It begins an entry where there is none, which tidy ends.
func (c *cluster) of(name string) *namespace {
	if c.namespaces == nil {
		c.namespaces = map[string]*namespace{}
	}
	if c.namespaces[name] == nil {
		c.namespaces[name] = &namespace{makers: map[maker]made{}, workloads: map[Key]*followed{}}
	}
	return c.namespaces[name]
}

// tidy forgets a namespace of which nothing is known any more: namespaces come and go, and may have had nothing to begin with.
func (c *cluster) tidy(name string) {
	if n := c.namespaces[name]; n != nil && !n.off && len(n.makers) == 0 && len(n.workloads) == 0 {
		delete(c.namespaces, name)
	}
}

// followed is what is known of a workload; nil: there is none.
func (c *cluster) followed(key Key) *followed {
	if n := c.namespaces[key.Namespace]; n != nil {
		return n.workloads[key]
	}
	return nil
}

// setMaker remembers what a maker says, nil where it is gone, and returns the workloads that this concerns, and the maker where its
// condition is not as it should be.
func (c *cluster) setMaker(in string, by maker, says *made) []Key {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.tidy(in)
	n := c.of(in)
	before, known := n.makers[by]
	keys := n.reportOf(in, by, before, says)
	var versions []made
	if known {
		versions = append(versions, before)
	}
	delete(n.makers, by)
	if says != nil {
		n.makers[by] = *says
		versions = append(versions, *says)
	}
	if known && says != nil && same(before, *says) {
		return keys
	}
	for key, w := range n.workloads {
		for _, version := range versions {
			if w.Follows(version.source, version.offer) {
				keys = append(keys, key)
				break
			}
		}
	}
	return keys
}

func same(a, b made) bool {
	return a.source == b.source && a.revision() == b.revision() && a.refreshing == b.refreshing && a.offer.Never == b.offer.Never &&
		a.offer.Match == b.offer.Match && a.offer.Ignore == b.offer.Ignore && slices.Equal(a.offer.Targets, b.offer.Targets)
}

// setOff remembers whether restarts are switched off in a namespace, and returns the workloads that this concerns.
func (c *cluster) setOff(in string, off bool) []Key {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.tidy(in)
	n := c.of(in)
	if n.off == off {
		return nil
	}
	n.off = off
	keys := make([]Key, 0, len(n.workloads))
	for key := range n.workloads {
		keys = append(keys, key)
	}
	return keys
}

// setWorkload remembers a workload as it is now.
func (c *cluster) setWorkload(w workload.Workload, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.of(w.Namespace)
	f := n.workloads[w.Key]
	if f == nil || f.UID != w.UID {
		f = &followed{}
		n.workloads[w.Key] = f
	}
	f.Workload = w
	switch {
	case !w.Rolling:
		f.rollingSince = time.Time{}
	case f.rollingSince.IsZero():
		f.rollingSince = now
	}
	c.budget.Count(w.Namespace, w.Kind+"/"+w.Name, w.Restarted, now)
}

// removeWorkload forgets a workload, and returns the objects that report on it.
func (c *cluster) removeWorkload(key Key) []Key {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.followed(key)
	if f == nil {
		return nil
	}
	n := c.namespaces[key.Namespace]
	delete(n.workloads, key)
	defer c.tidy(key.Namespace)
	return n.reporting(key.Namespace, f.waitsFor)
}

// count counts a restart that was just made.
func (c *cluster) count(key Key, at, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.budget.Count(key.Namespace, key.Kind+"/"+key.Name, at, now)
}

// state is what is known of a workload, for a decision. ok: there is such a workload.
func (c *cluster) state(key Key, now time.Time) (w workload.Workload, s decision.State, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.followed(key)
	if f == nil {
		return workload.Workload{}, decision.State{}, false
	}
	n := c.namespaces[key.Namespace]
	s = decision.State{
		Off: n.off, Paused: f.Paused, OnDelete: f.OnDelete, Idle: f.Idle,
		Rolling: f.Rolling, RollingSince: f.rollingSince, Restarted: f.Restarted, Interval: f.Rules.Interval(),
		Permitted: c.budget.Permits(key.Namespace, now),
	}
	s.Current, s.Refreshing = n.current(&f.Workload)
	s.Recorded = f.Remembered(s.Current)
	f.observe(s.Recorded, s.Current, now)
	s.First, s.Last = f.first, f.last
	return f.Workload, s, true
}

// observe remembers since when the revisions differ.
func (f *followed) observe(recorded, current revision.List, now time.Time) {
	if len(recorded.Changed(current)) == 0 {
		f.current, f.first, f.last = "", time.Time{}, time.Time{}
		return
	}
	text := current.String()
	if f.current == "" {
		f.first = now
	}
	if f.current != text {
		f.current, f.last = text, now
	}
}

// current are the revisions of what a workload follows. Of the makers of one Secret, the one that counted furthest knows best.
func (n *namespace) current(w *workload.Workload) (list revision.List, refreshing bool) {
	list, counts := revision.List{}, map[revision.Source]int64{}
	for _, m := range n.makers {
		if !w.Follows(m.source, m.offer) {
			continue
		}
		refreshing = refreshing || m.refreshing
		value := m.revision()
		if value == "" || list[m.source] != "" && m.count < counts[m.source] {
			continue
		}
		list[m.source], counts[m.source] = value, m.count
	}
	return list, refreshing
}

// setPending remembers why a workload waits, empty: it does not, and what has changed. It reports whether the reason is new, and returns
// the objects that report on it.
func (c *cluster) setPending(key Key, reason decision.Reason, changed []revision.Source) (isNew bool, reporting []Key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.followed(key)
	if f == nil {
		return false, nil
	}
	before, waitsFor := f.waitsFor, changed
	if !reported(reason, before) {
		waitsFor = nil
	}
	isNew = f.pending != reason
	f.decided = f.decided || reason != decision.ReasonSettling // a process before this may have reported something else
	f.pending, f.waitsFor = reason, waitsFor
	if !isNew && slices.Equal(before, waitsFor) {
		return false, nil
	}
	return isNew, c.namespaces[key.Namespace].reporting(key.Namespace, slices.Concat(before, waitsFor))
}

// waiting counts the workloads that wait, by namespace and reason.
func (c *cluster) waiting() map[string]map[decision.Reason]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := map[string]map[decision.Reason]int{}
	for name, n := range c.namespaces {
		for _, f := range n.workloads {
			if f.pending == "" {
				continue
			}
			if all[name] == nil {
				all[name] = map[decision.Reason]int{}
			}
			all[name][f.pending]++
		}
	}
	return all
}
