package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/bench/measure"
	"github.com/secretgate/secretgate/tests/bench/world"
	"github.com/secretgate/secretgate/tests/harness"
)

// writes are the two requests that keeping one object cannot do without.
type writes struct {
	secretPath, statusPath string
	secret, status         []byte
}

// bare does nothing but these two writes for each object, so many objects at a time, with bodies that were made before: the
// ceiling for any syncer on this API server. It answers the rate after the first. The Secrets have names of their own.
func bare(ctx context.Context, w *world.World, objects []world.Object, workers int) (float64, error) {
	all := make([]writes, len(objects))
	for i, o := range objects {
		var err error
		if all[i], err = prepare(w, o, workers); err != nil {
			return 0, err
		}
	}
	at, err := write(ctx, w, all, workers)
	return measure.Rate(at), err
}

// write makes the writes, so many objects at a time, and answers when each object's were done, in order.
func write(ctx context.Context, w *world.World, all []writes, workers int) ([]time.Duration, error) {
	var mu sync.Mutex
	at := make([]time.Duration, 0, len(all))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(workers)
	begin := time.Now()
	for _, one := range all {
		group.Go(func() error {
			if err := w.Client.Do(ctx, http.MethodPatch, one.secretPath, harness.ApplyPatch, one.secret, nil); err != nil {
				return err
			}
			if err := w.Client.Do(ctx, http.MethodPatch, one.statusPath, harness.MergePatch, one.status, nil); err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			at = append(at, time.Since(begin))
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("the bare writer: %w", err)
	}
	slices.Sort(at)
	return at, nil
}

func prepare(w *world.World, o world.Object, workers int) (writes, error) {
	name := fmt.Sprintf("bare-%d-%s", workers, o.Name)
	one := writes{
		secretPath: fmt.Sprintf("/api/v1/namespaces/%s/secrets/%s?fieldManager=bare&force=true", o.Namespace, name),
		statusPath: o.Path() + "/status?fieldManager=bare",
	}
	var err error
	if one.secret, err = secretOf(w, o, name, "kubernetes-client.io/v1", "ExternalSecret"); err != nil {
		return one, err
	}
	now := time.Now().UTC().Format(time.RFC3339)
	read := map[string]string{"field": "spec.data[0]", "name": name, "version": "00000000-0000-0000-0000-000000000000"}
	one.status, err = json.Marshal(map[string]any{"status": map[string]any{
		"status": "SUCCESS", "lastSync": now, "lastSuccess": now, "observedGeneration": 1,
		"secretName": name, "secretResourceVersion": "1", "entries": []any{read, read},
		"conditions": []any{map[string]any{
			"type": plan.ConditionReady, "status": "True", "reason": plan.ReasonSynced, "lastTransitionTime": now, "observedGeneration": 1,
			"message": "the Secret is as the backend has it",
		}},
	}})
	return one, err
}

// secretOf is a Secret as large as the syncer's: a label, an owner, two entries.
func secretOf(w *world.World, o world.Object, name, apiVersion, kind string) ([]byte, error) {
	value := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%-26s", o.Name))
	return json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
		"metadata": map[string]any{
			"name": name, "labels": map[string]string{names.LabelManaged: "true"},
			"ownerReferences": []any{map[string]any{
				"apiVersion": apiVersion, "kind": kind, "name": o.Name, "uid": w.UID(o), "controller": true,
			}},
		},
		"data": map[string]string{"username": value, "password": value},
	})
}
