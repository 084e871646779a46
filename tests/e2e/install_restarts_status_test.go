package e2e

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/secretgate/secretgate/shared/dialect"
	esov1 "github.com/secretgate/secretgate/shared/dialect/eso/v1"
	"github.com/secretgate/secretgate/shared/dialect/sealed/v1alpha1"
	"github.com/secretgate/secretgate/shared/dialect/vso/v1beta1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/syncstatus"
	"github.com/secretgate/secretgate/tests/harness"
)

// reportingObjects are objects of each kind whose status has the condition RestartPending.
const reportingObjects = `
apiVersion: v1
kind: List
items:
  - {apiVersion: kubernetes-client.io/v1, kind: ExternalSecret, metadata: {name: db}, spec: {backendType: secretsManager, data: [{key: a, name: a}]}}
  - {apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: db}, spec: {secretStoreRef: {name: s}, data: [{secretKey: a, remoteRef: {key: a}}]}}
  - {apiVersion: secrets-manager.tuenti.io/v1alpha1, kind: SecretDefinition, metadata: {name: db}, spec: {name: db, keysMap: {a: {path: a, key: a}}}}
  - {apiVersion: secrets.hashicorp.com/v1beta1, kind: VaultStaticSecret, metadata: {name: db}, spec: {mount: kv, path: a, type: kv-v2, destination: {name: db, create: true}}}
  - {apiVersion: bitnami.com/v1alpha1, kind: SealedSecret, metadata: {name: db}, spec: {encryptedData: {a: AgA=}}}
`

// reporting is one of them, with the status that the syncer gives it.
type reporting struct {
	ref    harness.Ref
	kind   string
	status dialect.Status
}

func reportings(namespace string) []reporting {
	ref := func(group, version, resource string) harness.Ref {
		return harness.Ref{Resource: schema.GroupVersionResource{Group: group, Version: version, Resource: resource}, Namespace: namespace, Name: "db"}
	}
	return []reporting{
		{ref("kubernetes-client.io", "v1", "externalsecrets"), "ExternalSecret", &syncstatus.Status{}},
		{ref("external-secrets.io", "v1", "externalsecrets"), "ExternalSecret", &esov1.ExternalSecretStatus{}},
		{ref("secrets-manager.tuenti.io", "v1alpha1", "secretdefinitions"), "SecretDefinition", &syncstatus.Status{}},
		{ref("secrets.hashicorp.com", "v1beta1", "vaultstaticsecrets"), "VaultStaticSecret", &v1beta1.VaultStaticSecretStatus{}},
		{ref("bitnami.com", "v1alpha1", "sealedsecrets"), "SealedSecret", &v1alpha1.SealedSecretStatus{}},
	}
}

// addReportings makes the objects, one namespace with the status of the syncer, and one without.
func (s *site) addReportings(t *testing.T, synced, fresh string) {
	t.Helper()
	for kind, file := range map[string]string{
		"externalsecrets.external-secrets.io":         "eso/external-secrets.io_externalsecrets.yaml",
		"secretdefinitions.secrets-manager.tuenti.io": "secrets-manager.tuenti.io_secretdefinitions.yaml",
		"vaultstaticsecrets.secrets.hashicorp.com":    "vso/secrets.hashicorp.com_vaultstaticsecrets.yaml",
		"sealedsecrets.bitnami.com":                   "sealed/bitnami.com_sealedsecrets.yaml",
	} {
		s.addKind(t, filepath.Join(s.lab.Root, "crds", filepath.FromSlash(file)), kind)
	}
	for _, namespace := range []string{synced, fresh} {
		harness.Eventually(t, func() error { // the API server takes a moment to serve a CRD that has just come
			_, err := s.kubectl.Stdin(reportingObjects).Run(t.Context(), "apply", "-n", namespace, "-f", "-")
			return err
		})
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, r := range reportings(synced) {
		r.status.Put(plan.Record{
			Generation: 1, Ready: metav1.ConditionTrue, Reason: plan.ReasonSynced, Since: at, LastSync: at, LastSuccess: at, Secret: "db",
			SecretUID: "0b0c5a1e-1111", SecretResourceVersion: "7", DataRevision: 3, ForceSync: "once", Entries: []plan.EntryRecord{{Field: "spec.data[0]", Name: "a"}},
		})
		patch := asJSON(t, map[string]any{"status": r.status})
		if err := s.apiServer.Do(t.Context(), http.MethodPatch, r.ref.Path()+"/status", harness.MergePatch, []byte(patch), nil); err != nil {
			t.Fatal(err)
		}
	}
}

const pendingCondition = `{"type":"RestartPending","status":"True","reason":"Paused","message":"m","lastTransitionTime":"2026-01-02T03:04:05Z"}`

// fencesStatuses tries what the policy lets pass of a status, and what it does not.
func fencesStatuses(t *testing.T, client *harness.Client, synced, fresh string) {
	t.Helper()
	const (
		only      = "the restarter may "
		condition = only + "only set the condition RestartPending"
		field     = only + "not change this field of a status"
	)
	apply := func(r reporting, conditions string) error {
		body := `{"apiVersion":"` + r.ref.Resource.GroupVersion().String() + `","kind":"` + r.kind + `","metadata":{"name":"db"},"status":{"conditions":[` + conditions + `]}}`
		return client.Do(t.Context(), http.MethodPatch, r.ref.Path()+"/status?dryRun=All&fieldManager=mine&force=true", harness.ApplyPatch, []byte(body), nil)
	}
	merge := func(r reporting, sub, patch string) error {
		return client.Do(t.Context(), http.MethodPatch, r.ref.Path()+sub+"?dryRun=All", harness.MergePatch, []byte(patch), nil)
	}
	check := func(r reporting, what, denied string, err error) {
		t.Helper()
		switch {
		case denied == "" && err != nil:
			t.Errorf("%s: %s: got %v, want it permitted", r.ref, what, err)
		case denied != "" && (err == nil || !strings.Contains(err.Error(), denied)):
			t.Errorf("%s: %s: got %v, want %q", r.ref, what, err, denied)
		}
	}
	for _, r := range reportings(synced) {
		check(r, "say that a restart is pending", "", apply(r, pendingCondition))
		ready := strings.ReplaceAll(pendingCondition, `"RestartPending"`, `"Ready"`)
		check(r, "change Ready", condition, apply(r, strings.Replace(ready, `"True"`, `"False"`, 1)))
		check(r, "change Ready, too", condition, apply(r, pendingCondition+","+ready))
		check(r, "set a condition of another type", condition, apply(r, strings.Replace(pendingCondition, "RestartPending", "Mine", 1)))
		check(r, "write a book", condition, apply(r, strings.Replace(pendingCondition, `"m"`, `"`+strings.Repeat("m", 5000)+`"`, 1)))
		check(r, "take all other conditions away", condition, merge(r, "/status", `{"status":{"conditions":[`+pendingCondition+`]}}`))
		check(r, "take all conditions away", "the restarter may", merge(r, "/status", `{"status":{"conditions":null}}`))
		check(r, "take the status away", "the restarter may", merge(r, "/status", `{"status":null}`))
		for _, change := range statusForgeries(r) {
			check(r, "write "+change, field, merge(r, "/status", `{"status":`+change+`}`))
		}
	}
	for _, r := range reportings(fresh) {
		check(r, "begin a status", field, apply(r, pendingCondition))
	}
}

// statusForgeries are changes of what the syncer remembers: it would take another Secret for its own, count anew, or read nothing.
func statusForgeries(r reporting) []string {
	switch r.ref.Resource.Group {
	case "external-secrets.io":
		return []string{
			`{"refreshTime":"2030-01-01T00:00:00Z"}`, `{"syncedResourceVersion":"9-a"}`, `{"binding":{"name":"other"}}`, `{"sync":{"dataRevision":9}}`,
			`{"sync":{"secretUID":"x"}}`, `{"sync":{"entries":null}}`, `{"sync":null}`,
		}
	case "bitnami.com":
		return []string{`{"observedGeneration":9}`, `{"sync":{"secretName":"other"}}`, `{"sync":{"dataRevision":9}}`, `{"sync":null}`}
	case "secrets.hashicorp.com":
		return []string{`{"lastGeneration":9}`, `{"secretMAC":"x"}`, `{"sync":{"secretName":"other"}}`, `{"sync":{"dataRevision":9}}`, `{"sync":null}`}
	}
	return []string{
		`{"status":"x"}`, `{"observedGeneration":9}`, `{"secretName":"other"}`, `{"secretUID":"x"}`, `{"dataRevision":9}`, `{"secretResourceVersion":"9"}`,
		`{"observedForceSync":"x"}`, `{"lastSync":null}`, `{"lastSuccess":"2030-01-01T00:00:00Z"}`, `{"entries":[]}`,
	}
}

// writesObjects tries to write objects that Secrets are made for past their status, with every right.
func writesObjects(t *testing.T, client *harness.Client, namespace string) {
	t.Helper()
	for _, r := range reportings(namespace) {
		for what, patch := range map[string]string{
			"its spec": `{"spec":{"refreshInterval":"1h"}}`, "an annotation": `{"metadata":{"annotations":{"secretgate.io/revisions":"db=a.1"}}}`,
			"a label": `{"metadata":{"labels":{"a":"b"}}}`, "its status by another way": `{"status":{"conditions":[]}}`,
		} {
			err := client.Do(t.Context(), http.MethodPatch, r.ref.Path()+"?dryRun=All", harness.MergePatch, []byte(patch), nil)
			if err == nil || !strings.Contains(err.Error(), "the restarter may only update") {
				t.Errorf("%s: write %s: got %v, want a denial by the policy", r.ref, what, err)
			}
		}
	}
}
