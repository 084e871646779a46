package world

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
)

// Verify reads all Secrets and compares each object's with what its source holds, byte for byte. The error names the first
// objects that differ, never a value.
func (w *World) Verify(ctx context.Context, objects []Object) error {
	wrong, err := w.Differing(ctx, objects)
	if err != nil || len(wrong) == 0 {
		return err
	}
	return fmt.Errorf("%d of %d Secrets do not hold what their source does: %s", len(wrong), len(objects), first(wrong))
}

// Differing lists the objects whose Secret is not what their source holds, with how.
func (w *World) Differing(ctx context.Context, objects []Object) (map[types.NamespacedName]string, error) {
	stored := map[types.NamespacedName]map[string][]byte{}
	_, err := list(ctx, w.Client, managedSecrets, JSON, func(s corev1.Secret) {
		stored[types.NamespacedName{Namespace: s.Namespace, Name: s.Name}] = s.Data
	})
	if err != nil {
		return nil, err
	}
	wrong := map[types.NamespacedName]string{}
	for _, o := range objects {
		if how := differs(stored[o.NamespacedName], w.data(o)); how != "" {
			wrong[o.NamespacedName] = how
		}
	}
	return wrong, nil
}

func differs(have map[string][]byte, want map[string]string) string {
	if have == nil {
		return "there is no Secret"
	}
	for key, value := range want {
		if string(have[key]) != value {
			return "entry " + key + " is not what the source holds"
		}
	}
	if len(have) != len(want) {
		return fmt.Sprintf("the Secret has %d entries, not %d", len(have), len(want))
	}
	return ""
}

// State is what an object's status says.
type State struct {
	Status  string
	Reason  apiv1.Reason // of condition Ready
	Current bool         // it is about the present spec
}

// States reads what all objects say.
func (w *World) States(ctx context.Context) (map[types.NamespacedName]State, error) {
	states := map[types.NamespacedName]State{}
	_, err := list(ctx, w.Client, allObjects, JSON, func(es apiv1.ExternalSecret) {
		state := State{Status: es.Status.Status, Current: es.Status.ObservedGeneration == es.Generation}
		for _, c := range es.Status.Conditions {
			if c.Type == apiv1.ConditionReady {
				state.Reason = apiv1.Reason(c.Reason)
			}
		}
		states[types.NamespacedName{Namespace: es.Namespace, Name: es.Name}] = state
	})
	return states, err
}

// Unsynced lists the objects whose status is not a success of their present spec, with what it says.
func (w *World) Unsynced(ctx context.Context, objects []Object) (map[types.NamespacedName]string, error) {
	states, err := w.States(ctx)
	if err != nil {
		return nil, err
	}
	wrong := map[types.NamespacedName]string{}
	for _, o := range objects {
		switch state := states[o.NamespacedName]; {
		case state.Status != "SUCCESS":
			wrong[o.NamespacedName] = fmt.Sprintf("its status is %q", state.Status)
		case !state.Current:
			wrong[o.NamespacedName] = "its status is about an older spec"
		}
	}
	return wrong, nil
}

// AwaitStatuses waits until every object's status is a success, and answers when it saw that: at most a tenth of a second,
// and one list of all objects, after it was so.
func (w *World) AwaitStatuses(ctx context.Context, limit time.Duration, objects []Object) (time.Time, error) {
	deadline := time.Now().Add(limit)
	for {
		wrong, err := w.Unsynced(ctx, objects)
		now := time.Now()
		switch {
		case err != nil:
			return now, err
		case len(wrong) == 0:
			return now, nil
		case now.After(deadline):
			return now, fmt.Errorf("%d of %d objects did not report success within %s: %s", len(wrong), len(objects), limit, first(wrong))
		}
		if err := Pause(ctx, 100*time.Millisecond); err != nil {
			return now, err
		}
	}
}

// Pause waits for a time, or until ctx ends.
func Pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// First words the first so many of what is wrong, a line each.
func First(most int, wrong map[types.NamespacedName]string) []string {
	names := slices.SortedFunc(maps.Keys(wrong), cmpNames)
	told := make([]string, 0, most)
	for _, name := range names[:min(most, len(names))] {
		told = append(told, name.String()+": "+wrong[name])
	}
	return told
}

func first(wrong map[types.NamespacedName]string) string { return strings.Join(First(3, wrong), "; ") }
