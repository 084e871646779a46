package cluster

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// load applies ExternalSecrets, 20 a second, each with another spec than before, so that the webhook judges every one.
type load struct {
	client    dynamic.ResourceInterface
	namespace string

	mu      sync.Mutex
	applied int
	failed  []string
}

const (
	appliesPerSecond = 20
	loadObjects      = 40
)

// underLoad does something while 20 applies a second go on, none of which may fail.
func underLoad(t *testing.T, namespace string, do func()) {
	t.Helper()
	client, err := dynamic.NewForConfig(theCluster.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	kind := schema.GroupVersionResource{Group: "kubernetes-client.io", Version: "v1", Resource: "externalsecrets"}
	l := &load{client: client.Resource(kind).Namespace(namespace), namespace: namespace}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.run(ctx)
	}()
	defer func() {
		cancel()
		<-ended
		t.Logf("%d applies", l.applied)
		if len(l.failed) > 0 {
			t.Errorf("%d of %d applies failed:\n%s", len(l.failed), l.applied, strings.Join(l.failed, "\n"))
		}
	}()
	do()
}

func (l *load) run(ctx context.Context) {
	ticker := time.NewTicker(time.Second / appliesPerSecond)
	defer ticker.Stop()
	var running sync.WaitGroup
	defer running.Wait()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			running.Go(func() { l.apply(n) })
		}
	}
}

// apply has no context of the load's: what was begun is ended.
func (l *load) apply(n int) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "kubernetes-client.io/v1", "kind": "ExternalSecret",
		"metadata": map[string]any{"name": fmt.Sprintf("load-%d", n%loadObjects)},
		"spec": map[string]any{
			"backendType": "vault", "vaultMountPoint": "kubernetes", "vaultRole": "my-vault-role", "refreshInterval": "1h",
			"data": []any{map[string]any{"name": fmt.Sprintf("key-%d", n), "key": "secret/data/load", "property": "value"}},
		},
	}}
	_, err := l.client.Apply(ctx, object.GetName(), object, metav1.ApplyOptions{FieldManager: "load", Force: true})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.applied++
	if err != nil {
		l.failed = append(l.failed, fmt.Sprintf("%s: %v", time.Now().Format(time.TimeOnly), err))
	}
}
