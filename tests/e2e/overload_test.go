package e2e

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/secretgate/secretgate/tests/bench/measure"
)

// TestATenantOfLargeObjectsDoesNotStopOthers: while one writes objects that cannot be stored, and a pod floods the webhook's port, others'
// writes are judged and the webhook stays within its pod's memory. It runs beside no other test, as the webhook is everybody's.
func TestATenantOfLargeObjectsDoesNotStopOthers(t *testing.T) {
	l := startLoad(t)
	hostile := newNamespace(t, nil)
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() { applyTooLarge(t, l.client, hostile, i) })
	}
	for range 60 {
		all.Go(flood)
	}
	l.goesOn(t)
	all.Wait()
	l.goesOn(t)
	used, err := measure.MemoryOf(theLab.Webhook.PID())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the webhook took %.0f MiB at most", used.Peak)
	if used.Peak > 256 {
		t.Errorf("the webhook took %.0f MiB, more than the manifest's limit", used.Peak)
	}
}

// applyTooLarge creates an object of 2.9 MB, which kube-apiserver takes and etcd would not.
func applyTooLarge(t *testing.T, client *http.Client, namespace string, i int) {
	object := fmt.Sprintf(`{"apiVersion": "kubernetes-client.io/v1", "kind": "ExternalSecret", "metadata": {"name": "large-%d"}, "spec": {`+
		`"backendType": "secretsManager", "properties": [{"key": "a", "name": "b"}], "template": {"stringData": {"x": "%s"}}}}`,
		i, strings.Repeat("x", 2900<<10))
	url := theLab.APIServer + "/apis/kubernetes-client.io/v1/namespaces/" + namespace + "/externalsecrets"
	response, err := client.Post(url, "application/json", strings.NewReader(object)) //nolint:noctx // the API server ends it
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = response.Body.Close() }()
	said, err := io.ReadAll(response.Body)
	if err != nil {
		t.Error(err)
	}
	for _, right := range []string{"no more than 1536 KiB are judged", "the webhook is overloaded"} {
		if strings.Contains(string(said), right) {
			return
		}
	}
	t.Errorf("an object of 2.9 MB is answered %s: %.500s", response.Status, said)
}

// flood sends a body of 6.5 MB to the webhook's port, as any pod may.
func flood() {
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	body := `{"request": {"uid": "u", "object": {"a": "` + strings.Repeat("x", 6500<<10) + `"}}}`
	response, err := client.Post("https://"+theLab.Webhook.Address+"/validate", "application/json", strings.NewReader(body)) //nolint:noctx // the webhook ends it
	if err == nil {                                                                                                          // whatever the answer
		_ = response.Body.Close()
	}
}
