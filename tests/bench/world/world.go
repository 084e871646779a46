// Package world is what the benchmark and the soak test run on: a lab of their own with a slow AWS, namespaces, objects,
// their sources, and eyes on what becomes of them.
package world

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
)

// Options of a World. Dir is required.
type Options struct {
	// Dir is a folder of the world's own; it holds the lab's state and logs, and the API server's audit log.
	Dir string
	// Interval is the syncers' refresh interval.
	Interval time.Duration
	// NoAudit leaves out the audit log, which grows by a kilobyte a request.
	NoAudit bool
	// Webhook starts one replica of the webhook, which the API server then asks.
	Webhook bool
	// Env are variables of the services beside those that the lab gives them, NAME=value each.
	Env []string
}

// World is a running lab with Secretgate's CRDs and rights installed, and no syncer yet.
type World struct {
	Lab     *lab.Lab
	Client  *harness.Client
	Secrets *Watch
	Audit   Audit

	options Options
	sources sources
	stop    context.CancelCauseFunc
	uids    sync.Map // of objects, by name

	mu      sync.Mutex
	syncers int
}

// CallLatency is how long each call of an emulated cloud takes.
const CallLatency = 20 * time.Millisecond

// Start brings a world up. The context that it answers ends with ctx and when the world breaks, and then says why.
func Start(ctx context.Context, options Options) (*World, context.Context, error) {
	w := &World{options: options, sources: sources{values: map[string]value{}}}
	w.Audit.file = filepath.Join(options.Dir, "audit.log")
	labOptions := lab.Options{
		Dir: filepath.Join(options.Dir, "lab"), Services: options.Webhook, Webhook: lab.Extra{Env: options.Env},
	}
	if !options.NoAudit {
		if err := w.Audit.prepare(options.Dir); err != nil {
			return nil, nil, err
		}
		labOptions.APIServerArgs = w.Audit.flags(options.Dir)
	}
	var err error
	if w.Lab, err = lab.Start(ctx, labOptions); err != nil {
		return nil, nil, err
	}
	if options.Webhook {
		w.Lab.Syncer.Stop() // the lab has both services or none; a syncer would only take processor time
	}
	ctx, w.stop = context.WithCancelCause(ctx)
	if err := w.furnish(ctx); err != nil {
		w.Close()
		return nil, nil, err
	}
	go func() {
		if err := w.Lab.Wait(ctx); err != nil {
			w.stop(err)
		}
	}()
	return w, ctx, nil
}

func (w *World) furnish(ctx context.Context) error {
	_, err := w.Lab.Clouds.Faults().Add(fault.Fault{Kind: fault.Latency, Latency: fault.Duration(CallLatency)})
	if err != nil {
		return err
	}
	if w.Client, err = harness.NewClient(w.Lab.RESTConfig()); err != nil {
		return err
	}
	for i := range Namespaces {
		if err := w.CreateNamespace(ctx, NamespaceName(i)); err != nil {
			return err
		}
	}
	w.Secrets, err = startWatch(ctx, w.Client, w.stop)
	return err
}

// Close stops everything. The folder stays.
func (w *World) Close() {
	w.stop(context.Canceled)
	w.Lab.Stop()
}

// Furnish gives the objects' sources their first values and stores the objects.
func (w *World) Furnish(ctx context.Context, objects ...Object) error {
	if err := w.Put(SourcesOf(objects)...); err != nil {
		return err
	}
	return w.Create(ctx, objects...)
}

// NewSyncer describes one more replica, as it is shipped, under flags alone; its Start starts it.
func (w *World) NewSyncer() (*lab.Service, error) {
	w.mu.Lock()
	w.syncers++
	name := "syncer-" + strconv.Itoa(w.syncers)
	w.mu.Unlock()
	return w.Lab.NewSyncer(name, lab.Extra{Args: []string{"--refresh-interval=" + w.options.Interval.String()}, Env: w.options.Env})
}

// CreateNamespace creates a namespace without annotations, where everything is permitted.
func (w *World) CreateNamespace(ctx context.Context, name string) error {
	body := fmt.Appendf(nil, `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":%q}}`, name)
	return w.Client.Do(ctx, http.MethodPost, "/api/v1/namespaces", harness.JSON, body, nil)
}

// Annotate sets an annotation of a namespace; nil removes it.
func (w *World) Annotate(ctx context.Context, namespace, annotation string, value *string) error {
	body, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]any{annotation: value}}})
	if err != nil {
		return err
	}
	return w.Client.Do(ctx, http.MethodPatch, "/api/v1/namespaces/"+namespace, harness.MergePatch, body, nil)
}

// Remove removes the world's folder.
func (w *World) Remove() error { return os.RemoveAll(w.options.Dir) }
