package main

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/bench/world"
	"github.com/secretgate/secretgate/tests/harness"
)

// recoveryTime is how long everything may take to be right once nothing disturbs it any more: two intervals, and what breakers,
// dead replicas and drift repairs still wait for.
func (t *trial) recoveryTime() time.Duration { return 2*t.interval + 90*time.Second }

// checkpoint ends all disturbance, forbids one namespace everything, rotates that one's sources, and waits until every
// object is right: the permitted ones have what their sources hold, the denied ones are as they were.
func (t *trial) checkpoint(ctx context.Context) error {
	begin := time.Now()
	for i := range world.Namespaces {
		if namespace := world.NamespaceName(i); t.editor.denied[namespace] {
			if err := t.editor.deny(ctx, namespace, false); err != nil {
				return err
			}
		}
	}
	denied := world.NamespaceName(t.editor.random.IntN(world.Namespaces))
	if err := t.editor.deny(ctx, denied, true); err != nil {
		return err
	}
	left, err := t.awaitDenial(ctx, denied)
	if err != nil {
		return err
	}
	if err := t.converge(ctx, left); err != nil {
		return err
	}
	t.say("Checkpoint: all %d objects are right after %s, of which %d are denied and untouched",
		len(t.editor.objects), time.Since(begin).Round(time.Second), len(left))
	return t.editor.deny(ctx, denied, false)
}

// awaitDenial waits until all objects of a namespace report that policy denies them, rotates their sources, and answers the
// resourceVersions that their Secrets have from now on; empty where there is none.
func (t *trial) awaitDenial(ctx context.Context, namespace string) (map[types.NamespacedName]string, error) {
	objects := t.objects(func(o world.Object) bool { return o.Namespace == namespace })
	err := harness.Poll{Limit: t.recoveryTime(), Every: time.Second}.Until(ctx, func() error {
		states, err := t.world.States(ctx)
		if err != nil {
			return err
		}
		stuck := map[types.NamespacedName]string{}
		for _, o := range objects {
			if state := states[o.NamespacedName]; state.Ready().Reason != string(plan.ReasonPolicyDenied) {
				stuck[o.NamespacedName] = fmt.Sprintf("its namespace denies it, and its status is %q", state.Status.Status)
			}
		}
		return report(stuck, len(objects))
	})
	if err != nil {
		return nil, err
	}
	versions, left := t.world.Secrets.Versions(), map[types.NamespacedName]string{}
	for _, o := range objects {
		left[o.NamespacedName] = versions[o.NamespacedName]
	}
	return left, t.world.Put(world.SourcesOf(objects)...)
}

// converge waits until nothing is wrong, for at least one interval where some are denied, so that a refresh would show.
func (t *trial) converge(ctx context.Context, denied map[types.NamespacedName]string) error {
	begin, least := time.Now(), time.Duration(0)
	if len(denied) > 0 {
		least = t.interval + 5*time.Second
	}
	return harness.Poll{Limit: t.recoveryTime(), Every: 3 * time.Second}.Until(ctx, func() error {
		wrong, err := t.wrong(ctx, denied)
		if err == nil {
			err = report(wrong, len(t.editor.objects))
		}
		if err == nil && time.Since(begin) <= least {
			err = fmt.Errorf("denied objects are to stay untouched for %s", least)
		}
		return err
	})
}

// wrong lists everything that is not as it should be.
func (t *trial) wrong(ctx context.Context, denied map[types.NamespacedName]string) (map[types.NamespacedName]string, error) {
	permitted := t.objects(func(o world.Object) bool {
		_, is := denied[o.NamespacedName]
		return !is
	})
	wrong, err := t.world.Unsynced(ctx, permitted)
	if err != nil {
		return nil, err
	}
	differing, err := t.world.Differing(ctx, permitted)
	if err != nil {
		return nil, err
	}
	maps.Copy(wrong, differing)
	versions := t.world.Secrets.Versions()
	for name, version := range denied {
		if versions[name] != version {
			wrong[name] = "it is denied, and its Secret was written"
		}
	}
	for _, o := range t.editor.objects {
		delete(versions, o.NamespacedName)
	}
	for name := range versions {
		wrong[name] = "its object is gone, and its Secret is left"
	}
	return wrong, nil
}

func (t *trial) objects(keep func(world.Object) bool) []world.Object {
	var kept []world.Object
	for _, o := range t.editor.objects {
		if keep(o) {
			kept = append(kept, o)
		}
	}
	return kept
}

// report names what is stuck; nil if nothing is.
func report(wrong map[types.NamespacedName]string, objects int) error {
	const most = 50
	if len(wrong) == 0 {
		return nil
	}
	told := strings.Join(world.First(most, wrong), "\n  ")
	if len(wrong) > most {
		told += fmt.Sprintf("\n  and %d more", len(wrong)-most)
	}
	return fmt.Errorf("%d of %d objects are not right after the last disturbance:\n  %s", len(wrong), objects, told)
}

// handOver stops the replica that ran all the time, rotates everything, and expects the other one to serve it all.
func (t *trial) handOver(ctx context.Context) error {
	t.steady.Stop()
	if err := t.world.Put(world.SourcesOf(t.editor.objects)...); err != nil {
		return err
	}
	if err := t.converge(ctx, nil); err != nil {
		return fmt.Errorf("after the hand-over to one replica: %w", err)
	}
	t.say("One replica took over, and serves all %d objects", len(t.editor.objects))
	return nil
}
