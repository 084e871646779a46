package world

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/tests/harness"
)

const (
	managedSecrets  = "/api/v1/secrets"
	managedSelector = names.LabelManaged + "=true"

	metadataList  = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
	metadataWatch = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
)

// Watch follows the metadata of the Secrets that the syncer wrote.
type Watch struct {
	client *harness.Client

	mu       sync.Mutex
	versions map[types.NamespacedName]string // resourceVersion of each Secret that exists
	awaited  map[*Mark]struct{}
}

// startWatch lists, then watches until ctx ends; failed is told why it ended otherwise.
func startWatch(ctx context.Context, client *harness.Client, failed func(error)) (*Watch, error) {
	w := &Watch{client: client, versions: map[types.NamespacedName]string{}, awaited: map[*Mark]struct{}{}}
	from, err := harness.List(ctx, client, managedSecrets, managedSelector, metadataList, func(m metav1.PartialObjectMetadata) {
		w.versions[types.NamespacedName{Namespace: m.Namespace, Name: m.Name}] = m.ResourceVersion
	})
	if err != nil {
		return nil, err
	}
	go func() {
		for ctx.Err() == nil {
			// The API server ends every watch after a while: the next one goes on where it ended.
			if from, err = w.follow(ctx, from); err != nil && ctx.Err() == nil {
				failed(fmt.Errorf("the watch on Secrets broke: %w", err))
				return
			}
		}
	}()
	return w, nil
}

// follow reads one watch until the API server ends it, and answers the last resourceVersion that it saw.
func (w *Watch) follow(ctx context.Context, from string) (string, error) {
	query := url.Values{
		"watch": {"1"}, "labelSelector": {managedSelector}, "resourceVersion": {from}, "allowWatchBookmarks": {"true"},
	}
	response, err := w.client.Open(ctx, http.MethodGet, managedSecrets+"?"+query.Encode(), "", metadataWatch, nil)
	if err != nil {
		return from, err
	}
	defer func() { _ = response.Body.Close() }()
	decoder := json.NewDecoder(response.Body)
	for {
		var event struct {
			Type   string `json:"type"`
			Object struct {
				Metadata metav1.ObjectMeta `json:"metadata"`
				Message  string            `json:"message"`
			} `json:"object"`
		}
		if decoder.Decode(&event) != nil {
			return from, nil // as watches do
		}
		now := time.Now()
		if event.Type == "ERROR" {
			return from, fmt.Errorf("watching Secrets: %s", event.Object.Message)
		}
		from = event.Object.Metadata.ResourceVersion
		if event.Type != "BOOKMARK" {
			w.see(event.Type == "DELETED", event.Object.Metadata, now)
		}
	}
}

func (w *Watch) see(deleted bool, m metav1.ObjectMeta, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	name := types.NamespacedName{Namespace: m.Namespace, Name: m.Name}
	if deleted {
		delete(w.versions, name)
		return
	}
	w.versions[name] = m.ResourceVersion
	for mark := range w.awaited {
		if mark.see(name, now) {
			delete(w.awaited, mark)
		}
	}
}

// Versions are the resourceVersions of all Secrets now.
func (w *Watch) Versions() map[types.NamespacedName]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.versions)
}

// Expect makes a Mark that waits for the next write of each of these Secrets, from now on.
func (w *Watch) Expect(objects ...Object) *Mark {
	m := &Mark{Start: time.Now(), waiting: map[types.NamespacedName]struct{}{}, done: make(chan struct{})}
	for _, o := range objects {
		m.waiting[o.NamespacedName] = struct{}{}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.awaited[m] = struct{}{}
	return m
}

// Mark notes when each of some Secrets was first written after Start, which a caller may move to when its own action began.
type Mark struct {
	Start time.Time

	mu      sync.Mutex
	waiting map[types.NamespacedName]struct{}
	at      []time.Time // in the order of the events
	done    chan struct{}
}

func (m *Mark) see(name types.NamespacedName, now time.Time) (complete bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.waiting[name]; !ok {
		return false
	}
	delete(m.waiting, name)
	m.at = append(m.at, now)
	if len(m.waiting) > 0 {
		return false
	}
	close(m.done)
	return true
}

// Wait waits until all were written, and answers how long after Start each was, in order.
func (m *Mark) Wait(ctx context.Context, limit time.Duration) ([]time.Duration, error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-m.done:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-timer.C:
		return nil, m.missing(limit)
	}
	took := make([]time.Duration, len(m.at))
	for i, at := range m.at {
		took[i] = at.Sub(m.Start)
	}
	return took, nil
}

func (m *Mark) missing(limit time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	waiting := slices.SortedFunc(maps.Keys(m.waiting), cmpNames)
	return fmt.Errorf("%d of %d Secrets were not written within %s, among them %v", len(m.waiting), len(m.waiting)+len(m.at), limit,
		waiting[:min(5, len(waiting))])
}
