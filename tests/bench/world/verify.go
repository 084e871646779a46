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

	"github.com/secretgate/secretgate/tests/harness"
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
	_, err := harness.List(ctx, w.Client, managedSecrets, managedSelector, harness.JSON, func(s corev1.Secret) {
		stored[types.NamespacedName{Namespace: s.Namespace, Name: s.Name}] = s.Data
	})
	if err != nil {
		return nil, err
	}
	wrong := map[types.NamespacedName]string{}
	for _, o := range objects {
		have, found := stored[o.NamespacedName]
		if !found {
			wrong[o.NamespacedName] = "there is no Secret"
		} else if err := harness.Holds(have, w.data(o)); err != nil {
			wrong[o.NamespacedName] = err.Error()
		}
	}
	return wrong, nil
}

// States reads what all objects report.
func (w *World) States(ctx context.Context) (map[types.NamespacedName]harness.Object, error) {
	states := map[types.NamespacedName]harness.Object{}
	_, err := harness.List(ctx, w.Client, allObjects, "", harness.JSON, func(o harness.Object) {
		states[types.NamespacedName{Namespace: o.Metadata.Namespace, Name: o.Metadata.Name}] = o
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
		case state.Status.Status != "SUCCESS":
			wrong[o.NamespacedName] = fmt.Sprintf("its status is %q", state.Status.Status)
		case state.Status.ObservedGeneration != state.Metadata.Generation:
			wrong[o.NamespacedName] = "its status is about an older spec"
		}
	}
	return wrong, nil
}

// AwaitStatuses waits until every object's status is a success, and answers when it saw that: at most a tenth of a second,
// and one list of all objects, after it was so.
func (w *World) AwaitStatuses(ctx context.Context, limit time.Duration, objects []Object) (time.Time, error) {
	var seen time.Time
	err := harness.Poll{Limit: limit, Every: 100 * time.Millisecond}.Until(ctx, func() error {
		wrong, err := w.Unsynced(ctx, objects)
		seen = time.Now()
		if err == nil && len(wrong) > 0 {
			err = fmt.Errorf("%d of %d objects do not report success: %s", len(wrong), len(objects), first(wrong))
		}
		return err
	})
	return seen, err
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
