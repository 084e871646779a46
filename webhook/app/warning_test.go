package app

import (
	"os"
	"path/filepath"
	"testing"

	"k8s.io/client-go/rest"
)

// The webhook writes the Secret of its own certificate, which an admission policy may quote in a warning.
func TestNoWarningOfTheAPIServerIsLogged(t *testing.T) {
	file := filepath.Join(t.TempDir(), "kubeconfig")
	text := "{apiVersion: v1, kind: Config, clusters: [{name: c, cluster: {server: 'http://127.0.0.1:9'}}], contexts: [{name: c, context: {cluster: c}}], " +
		"current-context: c}"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cluster, err := restConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := cluster.WarningHandlerWithContext; got != (rest.NoWarnings{}) {
		t.Errorf("warnings go to %T, want rest.NoWarnings", got)
	}
}
