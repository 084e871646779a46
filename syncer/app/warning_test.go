package app

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-logr/logr/funcr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/secretgate/secretgate/syncer/internal/config"
	"github.com/secretgate/secretgate/syncer/internal/shard"
)

// The API server quotes what is written in warnings, and so do admission policies, of which a client logs the text.
func TestNoWarningOfTheAPIServerIsLogged(t *testing.T) {
	sent := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent++
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Warning", `299 - "planted"`)
		if r.URL.Path == "/api/v1" {
			_, _ = w.Write([]byte(`{"kind":"APIResourceList","groupVersion":"v1","resources":[{"name":"secrets","namespaced":true,"kind":"Secret","verbs":["get"]}]}`))
			return
		}
		_, _ = w.Write([]byte(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"db","namespace":"ns"}}`))
	}))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "kubeconfig")
	text := "{apiVersion: v1, kind: Config, clusters: [{name: c, cluster: {server: '" + server.URL + "'}}], contexts: [{name: c, context: {cluster: c}}], current-context: c}"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cluster, _, err := restConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	var logged bytes.Buffer
	logger := funcr.New(func(prefix, args string) { logged.WriteString(prefix + args + "\n") }, funcr.Options{Verbosity: 10})
	klog.SetLogger(logger)
	defer klog.ClearLogger()
	ctx := log.IntoContext(klog.NewContext(t.Context(), logger), logger)

	mgr, err := newManager(cluster, &config.Config{MetricsBindAddress: "0", HealthProbeBindAddress: "0"}, shard.Informers{})
	if err != nil {
		t.Fatal(err)
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "db"}}
	_ = mgr.GetClient().Update(ctx, secret) // the server's answers make no sense, but for the warning
	_ = mgr.GetAPIReader().Get(ctx, client.ObjectKeyFromObject(secret), secret)
	leases, err := coordination.NewForConfig(cluster)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = leases.Leases("ns").Get(ctx, "l", metav1.GetOptions{})
	if sent < 3 || strings.Contains(logged.String(), "planted") {
		t.Errorf("of %d answers with a warning is logged:\n%s", sent, logged.String())
	}
}
