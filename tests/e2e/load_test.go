package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/tests/harness"
)

// A load tries 50 writes a second, up to ten of them at a time.
const (
	loadPace    = time.Second / 50
	loadWriters = 10
)

// load writes ExternalSecrets all the time, in the ways in which people and controllers do. No write is tried again, and one
// answer alone is right: what may be stored comes with a warning of the webhook's, which proves that it was asked, and what may
// not is denied in the policy's words.
type load struct {
	namespace string
	client    *http.Client
	stopped   chan struct{}
	writers   sync.WaitGroup

	mu       sync.Mutex
	right    map[string]int // answers, by way of writing
	failures []string
}

// write is one way of writing an object.
type write struct {
	name, method, contentType string
	object                    string // its name's beginning; writes of one object follow each other
	field, key                string // the object's content, and the beginning of the key that it reads
	denied                    bool
}

// loadWrites are a writer's turns, over and over.
func loadWrites() []write {
	const text, applied, merged = "application/json", "application/apply-patch+yaml", "application/merge-patch+json"
	return []write{
		{"create", http.MethodPost, text, "posted", "spec", "load/", false},
		{"update", http.MethodPut, text, "posted", "spec", "load/new/", false},
		{"create what is forbidden", http.MethodPost, text, "never", "spec", "prod/", true},
		{"apply", http.MethodPatch, applied, "applied", "spec", "load/", false},
		{"apply another", http.MethodPatch, applied, "applied", "spec", "load/new/", false},
		{"apply what is forbidden", http.MethodPatch, applied, "applied", "spec", "prod/", true},
		{"patch", http.MethodPatch, merged, "applied", "spec", "load/other/", false},
		{"create what is deprecated", http.MethodPost, text, "deprecated", "secretDescriptor", "load/", false},
	}
}

// manifest is the object with a content of this write's own. Its interval earns a warning from the webhook; no syncer serves it.
func (w write) manifest(name, version string) map[string]any {
	metadata := map[string]any{"name": name}
	if w.method == http.MethodPut {
		metadata["resourceVersion"] = version
	}
	return map[string]any{
		"apiVersion": apiv1.GroupVersion.String(), "kind": apiv1.Kind, "metadata": metadata,
		w.field: map[string]any{
			"controllerId": "unserved", "refreshInterval": "5s", "backendType": "secretsManager",
			"data": []any{map[string]any{"key": w.key + name, "name": "password"}},
		},
	}
}

// startLoad begins to write into a namespace of its own, and returns when each way of writing has worked.
func startLoad(t *testing.T) *load {
	t.Helper()
	namespace := newNamespace(t, map[string]string{names.AnnotationPermittedKeyName: "load/.*"})
	l := &load{namespace: namespace, client: apiServer.HTTP, stopped: make(chan struct{}), right: map[string]int{}}
	ticker := time.NewTicker(loadPace)
	for writer := range loadWriters {
		l.writers.Go(func() { l.run(writer, ticker.C) })
	}
	t.Cleanup(func() {
		ticker.Stop()
		close(l.stopped)
		l.writers.Wait()
		if !t.Failed() { // else it has said so
			l.answers(t)
		}
	})
	harness.Eventually(t, func() error {
		right := l.answers(t)
		for _, w := range loadWrites() {
			if right[w.name] == 0 {
				return fmt.Errorf("no writer could %s yet", w.name)
			}
		}
		return nil
	})
	return l
}

func (l *load) run(writer int, turns <-chan time.Time) {
	for round := 0; ; round++ {
		version := ""
		for _, w := range loadWrites() {
			select {
			case <-l.stopped:
				return
			case <-turns:
			}
			version = l.try(w, fmt.Sprintf("%s-%d-%d", w.object, writer, round), version)
		}
	}
}

// try makes one write, and notes whether the answer is the right one. It returns the object's new version.
func (l *load) try(w write, name, version string) string {
	begin := time.Now()
	status, warnings, body, err := l.send(w, name, version)
	said := string(body)
	asked := strings.Contains(warnings, "5s is below the least interval")
	denied := status == http.StatusForbidden && strings.Contains(said, w.key+name+`\" is not permitted in namespace`)
	allowed := (status == http.StatusOK || status == http.StatusCreated) && asked

	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil || (w.denied && !denied) || (!w.denied && !allowed) {
		l.failures = append(l.failures, fmt.Sprintf("%s: %s of %s after %s: status %d, warnings %q, error %v: %.300s",
			begin.Format("15:04:05.000"), w.name, name, time.Since(begin).Round(time.Millisecond), status, warnings, err, said))
	} else {
		l.right[w.name]++
	}
	var stored struct {
		Metadata struct{ ResourceVersion string }
	}
	_ = json.Unmarshal(body, &stored) // a refusal has none
	return stored.Metadata.ResourceVersion
}

func (l *load) send(w write, name, version string) (status int, warnings string, body []byte, err error) {
	url := theLab.APIServer + "/apis/kubernetes-client.io/v1/namespaces/" + l.namespace + "/externalsecrets"
	if w.method != http.MethodPost {
		url += "/" + name
	}
	if strings.Contains(w.contentType, "apply") {
		url += "?fieldManager=load&force=true"
	}
	content, err := json.Marshal(w.manifest(name, version))
	if err != nil {
		return 0, "", nil, err
	}
	request, err := http.NewRequest(w.method, url, strings.NewReader(string(content))) //nolint:noctx // the API server ends it
	if err != nil {
		return 0, "", nil, err
	}
	request.Header.Set("Content-Type", w.contentType)
	response, err := l.client.Do(request)
	if err != nil {
		return 0, "", nil, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err = io.ReadAll(response.Body)
	return response.StatusCode, strings.Join(response.Header.Values("Warning"), "\n"), body, err
}

// goesOn waits until a second's writes more have been answered rightly.
func (l *load) goesOn(t *testing.T) {
	t.Helper()
	const writes = int(time.Second / loadPace)
	before := l.total(t)
	harness.Eventually(t, func() error {
		if n := l.total(t) - before; n < writes {
			return fmt.Errorf("only %d writes were answered", n)
		}
		return nil
	})
}

func (l *load) total(t *testing.T) (n int) {
	t.Helper()
	for _, right := range l.answers(t) {
		n += right
	}
	return n
}

// answers counts the right ones so far. A wrong one fails the test.
func (l *load) answers(t *testing.T) map[string]int {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.failures); n > 0 {
		t.Fatalf("%d writes failed, beside these that did not: %v\n%s", n, l.right, strings.Join(l.failures[:min(n, 10)], "\n"))
	}
	return maps.Clone(l.right)
}
