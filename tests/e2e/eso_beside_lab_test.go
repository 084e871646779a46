package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	v1 "github.com/secretgate/secretgate/shared/dialect/eso/v1"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/process"
	"github.com/secretgate/secretgate/tests/lab/servers"
)

// besideSite is a cluster in which External Secrets Operator itself runs, on its own CRDs, with a Vault.
type besideSite struct {
	esoSite
	built   servers.ESOSet
	process *process.Process
}

// userOfESO is the ServiceAccount that External Secrets Operator runs as. It may do everything: its rights are its chart's matter.
const userOfESO = "system:serviceaccount:external-secrets:external-secrets"

const accountOfESO = `
apiVersion: v1
kind: Namespace
metadata: {name: external-secrets}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: external-secrets, namespace: external-secrets}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: external-secrets}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, name: external-secrets, namespace: external-secrets}]
`

// newBesideSite is the cluster before Secretgate serves any of the objects: its services do not run.
func newBesideSite(t *testing.T) *besideSite {
	t.Helper()
	built, err := theLab.Builder().BuildESO(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	made, log := newAuditedSite(t, lab.Options{Services: true})
	s := &besideSite{esoSite: esoSite{made, log}, built: built}
	s.lab.Webhook.Stop()
	s.lab.Syncer.Stop()
	files, err := filepath.Glob(filepath.Join(built.CRDs, "*_*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("got %d CRDs of External Secrets Operator (%v), want some", len(files), err)
	}
	for _, file := range files {
		group, kind, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".yaml"), "_")
		s.addKind(t, file, kind+"."+group)
	}
	s.kubectl.MustApply(t, "", accountOfESO)
	s.startESO(t)
	t.Cleanup(func() { s.process.Stop() }) // the one that runs then
	return s
}

// startESO runs External Secrets Operator's controller as its Deployment does. It logs what it passes by, too.
func (s *besideSite) startESO(t *testing.T) {
	t.Helper()
	kubeconfig, _, err := s.lab.ServiceAccountKubeconfig(t.Context(), "external-secrets", "external-secrets")
	if err != nil {
		t.Fatal(err)
	}
	s.process, err = process.Start(process.Command{
		Name: "external-secrets", Path: s.built.Controller, Log: s.lab.LogFile("external-secrets"),
		Args: []string{"--loglevel=debug", "--metrics-addr=0", "--live-addr=127.0.0.1:0"},
		Env:  []string{"KUBECONFIG=" + kubeconfig, "HOME=" + s.lab.Dir},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// logOfESO is what External Secrets Operator has logged.
func (s *besideSite) logOfESO(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(s.lab.LogFile("external-secrets"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// besideESO is what the README has users install beside it, on this machine.
var besideESO = strings.Replace(withESO, "KUSTOMIZE/components/dialects/eso]",
	"KUSTOMIZE/components/dialects/eso, KUSTOMIZE/components/dialects/eso/without-crds]", 1)

// installsBeside starts both services beside External Secrets Operator, as the README has it.
func (s *besideSite) installsBeside(t *testing.T) {
	t.Helper()
	manifests := s.build(t, s.compose(t, map[string]string{"kustomization.yaml": besideESO}))
	s.kubectl.MustApply(t, "", strings.ReplaceAll(manifests, "https://127.0.0.1:9443/", "https://"+s.lab.WebhookBalancer.Addr()+"/"))
	for _, service := range []*lab.Service{s.lab.Webhook, s.lab.Syncer} {
		service.Args = append(service.Args, "--dialects=kes,eso", "--vault-servers="+s.lab.VaultAddr, "--min-refresh-interval=1s")
	}
	s.startServices(t)
}

func (s *besideSite) startServices(t *testing.T) {
	t.Helper()
	for _, service := range []*lab.Service{s.lab.Webhook, s.lab.Syncer} {
		if err := service.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// putVault writes a secret of Vault.
func (s *besideSite) putVault(t *testing.T, name string, data map[string]any) {
	t.Helper()
	if _, err := s.lab.Vault().KVv2("secret").Put(t.Context(), name, data); err != nil {
		t.Fatal(err)
	}
}

// esoObject reads an ExternalSecret.
func (s *besideSite) esoObject(t *testing.T, namespace, name string) *v1.ExternalSecret {
	t.Helper()
	ref := harness.Ref{Resource: v1.GroupVersion.WithResource("externalsecrets"), Namespace: namespace, Name: name}
	object, err := harness.Get[v1.ExternalSecret](t.Context(), s.apiServer, ref)
	if err != nil {
		t.Fatal(err)
	}
	return object
}

func (s *besideSite) secret(t *testing.T, namespace, name string) *corev1.Secret {
	t.Helper()
	secret, err := harness.Get[corev1.Secret](t.Context(), s.apiServer, harness.Secret(namespace, name))
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// secretWatch sees every state that the Secrets of a namespace have.
type secretWatch struct {
	site      *besideSite
	namespace string

	mu     sync.Mutex
	events []secretEvent
}

type secretEvent struct {
	Type   watch.EventType `json:"type"`
	Object corev1.Secret   `json:"object"`
}

// watchSecrets watches the Secrets of a namespace until the test ends.
func (s *besideSite) watchSecrets(t *testing.T, namespace string) *secretWatch {
	t.Helper()
	at := "/api/v1/namespaces/" + namespace + "/secrets"
	version, err := harness.List(t.Context(), s.apiServer, at, "", "application/json", func(metav1.PartialObjectMetadata) {})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	at += "?watch=true&resourceVersion=" + version
	response, err := s.apiServer.Open(ctx, http.MethodGet, at, "", "application/json", nil) //nolint:bodyclose // the goroutine does
	if err != nil {
		stop()
		t.Fatal(err)
	}
	w := &secretWatch{site: s, namespace: namespace}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer func() { _ = response.Body.Close() }()
		for events := json.NewDecoder(response.Body); ; {
			var e secretEvent
			if events.Decode(&e) != nil {
				return
			}
			w.mu.Lock()
			w.events = append(w.events, e)
			w.mu.Unlock()
		}
	}()
	t.Cleanup(func() { stop(); <-ended })
	return w
}

// isWhole waits until a Secret as it is now has been seen, and fails if it ever was away, another one, or without one of its entries: each
// had one of these values.
func (w *secretWatch) isWhole(t *testing.T, before *corev1.Secret, values map[string][]string) {
	t.Helper()
	now := w.site.secret(t, w.namespace, before.Name)
	if now.UID != before.UID {
		t.Errorf("Secret %s: got uid %s, want %s, which it had", before.Name, now.UID, before.UID)
	}
	var seen []secretEvent
	harness.Eventually(t, func() error {
		w.mu.Lock()
		defer w.mu.Unlock()
		seen = slices.DeleteFunc(slices.Clone(w.events), func(e secretEvent) bool { return e.Object.Name != before.Name })
		if !slices.ContainsFunc(seen, func(e secretEvent) bool { return e.Object.ResourceVersion == now.ResourceVersion }) {
			return fmt.Errorf("the watch has not come to Secret %s of %s", now.Name, now.ResourceVersion)
		}
		return nil
	})
	for n, e := range seen {
		if e.Type == watch.Deleted || e.Object.UID != before.UID || e.Object.Type != before.Type {
			t.Errorf("Secret %s was %s, with uid %s and type %s, want it never away", before.Name, e.Type, e.Object.UID, e.Object.Type)
		}
		if len(e.Object.Data) != len(values) {
			t.Errorf("Secret %s, write %d: got %d entries, want %d", before.Name, n, len(e.Object.Data), len(values))
		}
		for key, want := range values {
			if !slices.Contains(want, string(e.Object.Data[key])) {
				t.Errorf("Secret %s, write %d: entry %s is none of the values that it should have", before.Name, n, key)
			}
		}
	}
	t.Logf("Secret %s was written %d times", before.Name, len(seen))
}
