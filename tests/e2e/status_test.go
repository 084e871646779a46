package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/syncstatus"
	"github.com/secretgate/secretgate/tests/harness"
)

func TestStatusAndItsColumns(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t, nil)
	putAWS(t, namespace+"/db", secretValue())
	kubectl.MustApply(t, namespace, object("db", "{backendType: secretsManager, data: [{key: "+namespace+"/db, name: password}]}"))
	es := awaitReason(t, namespace, "db", plan.ReasonSynced)
	secret := getSecret(t, namespace, "db")
	ready := metav1.Condition{Type: "Ready", Status: "True", Reason: "Synced", ObservedGeneration: 1}
	want := syncstatus.Status{
		Status: "SUCCESS", ObservedGeneration: 1, Conditions: []metav1.Condition{ready}, SecretName: "db", SecretResourceVersion: secret.ResourceVersion,
		SecretUID: string(secret.UID), DataRevision: 1,
		Entries: []syncstatus.Entry{{Field: "spec.data[0]", Name: "password", Version: currentVersion(t, namespace+"/db")}},
	}
	times := []cmp.Option{cmpopts.IgnoreFields(metav1.Condition{}, "LastTransitionTime"), cmpopts.IgnoreFields(syncstatus.Status{}, "LastSync", "LastSuccess")}
	if diff := cmp.Diff(want, es.Status, times...); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if es.Status.LastSync == nil || es.Status.LastSuccess == nil {
		t.Error("a time is missing")
	}

	change(t, "externalsecret", namespace, "db", `{"spec":{"data":[{"key":"`+namespace+`/nowhere","name":"password"}]}}`)
	failed := awaitReason(t, namespace, "db", plan.ReasonSecretNotFound)
	ready = metav1.Condition{Type: "Ready", Status: "False", Reason: "BackendSecretNotFound", ObservedGeneration: 2, Message: failed.Status.Conditions[0].Message}
	want.Status, want.ObservedGeneration, want.Conditions = "ERROR, "+ready.Message, 2, []metav1.Condition{ready}
	want.Entries = []syncstatus.Entry{{Field: "spec.data[0]", Name: "password", Error: string(plan.ReasonSecretNotFound)}}
	if diff := cmp.Diff(want, failed.Status, times...); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	says(t, failed, namespace+"/nowhere")

	table := kubectl.Must(t, "get", "externalsecrets.kubernetes-client.io", "-n", namespace)
	header, row, _ := strings.Cut(table, "\n")
	if diff := cmp.Diff([]string{"NAME", "READY", "REASON", "LAST", "SYNC", "AGE"}, strings.Fields(header)); diff != "" {
		t.Error(diff)
	}
	fields := strings.Fields(row)
	if len(fields) != 5 || !slices.Equal(fields[:3], []string{"db", "False", "BackendSecretNotFound"}) || !strings.HasSuffix(fields[3], "s") {
		t.Errorf("the row is %q", row)
	}
	wide := kubectl.Must(t, "get", "externalsecrets.kubernetes-client.io", "-n", namespace, "-o", "wide")
	for _, want := range []string{"BACKEND", "STATUS", "secretsManager", "ERROR, "} {
		if !strings.Contains(wide, want) {
			t.Errorf("-o wide lacks %s:\n%s", want, wide)
		}
	}
}

// An object that is synced without news costs the API server nothing.
func TestNothingIsWrittenWithoutNews(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t, nil)
	putAWS(t, namespace+"/db", secretValue())
	kubectl.MustApply(t, namespace, object("fine", "{backendType: secretsManager, data: [{key: "+namespace+"/db, name: password}]}"))
	kubectl.MustApply(t, namespace, object("broken", "{backendType: secretsManager, data: [{key: "+namespace+"/nowhere, name: password}]}"))
	fine, broken := awaitReason(t, namespace, "fine", plan.ReasonSynced), awaitReason(t, namespace, "broken", plan.ReasonSecretNotFound)
	secret := getSecret(t, namespace, "fine")
	awaitAttempts(t, theLab.Syncer.MetricsAddress, namespace, "fine", "success", 3)
	awaitAttempts(t, theLab.Syncer.MetricsAddress, namespace, "broken", "error", 3)
	untouched(t, secret)
	for _, before := range []*apiv1.ExternalSecret{fine, broken} {
		if after := getObject(t, namespace, before.Name); after.ResourceVersion != before.ResourceVersion {
			t.Errorf("%s was written (-before +after):\n%s", before.Name, cmp.Diff(before.Status, after.Status))
		}
	}
}

func TestEventsOnlyOnTheWayIntoFailureAndOut(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t, nil)
	kubectl.MustApply(t, namespace, object("db", "{backendType: secretsManager, data: [{key: "+namespace+"/db, name: password}]}"))
	awaitReason(t, namespace, "db", plan.ReasonSecretNotFound)
	awaitAttempts(t, theLab.Syncer.MetricsAddress, namespace, "db", "error", 2)
	putAWS(t, namespace+"/db", secretValue())
	awaitReason(t, namespace, "db", plan.ReasonSynced)
	awaitAttempts(t, theLab.Syncer.MetricsAddress, namespace, "db", "success", 2)
	harness.Eventually(t, func() error {
		got := events(t, namespace)
		if diff := cmp.Diff([]string{"Warning BackendSecretNotFound db 1", "Normal Synced db 1"}, got); diff != "" {
			return fmt.Errorf("(-want +got):\n%s", diff)
		}
		return nil
	})
}

// events lists a namespace's events of the syncer in the order of their making.
func events(t *testing.T, namespace string) []string {
	t.Helper()
	var list eventsv1.EventList
	if err := apiServer.Do(t.Context(), http.MethodGet, "/apis/events.k8s.io/v1/namespaces/"+namespace+"/events", "", nil, &list); err != nil {
		t.Fatal(err)
	}
	var warnings, others []string
	for _, e := range list.Items {
		if e.Regarding.Kind != apiv1.Kind || e.ReportingController != names.Reporter {
			continue
		}
		count := int32(1)
		if e.Series != nil {
			count = e.Series.Count
		}
		line := fmt.Sprintf("%s %s %s %d", e.Type, e.Reason, e.Regarding.Name, count)
		if e.Type == "Warning" {
			warnings = append(warnings, line)
		} else {
			others = append(others, line)
		}
	}
	return append(warnings, others...)
}

func TestMetricsOfAnObjectComeAndGo(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t, nil)
	putAWS(t, namespace+"/a-key-of-its-own", secretValue())
	kubectl.MustApply(t, namespace, object("fine", "{backendType: secretsManager, data: [{key: "+namespace+"/a-key-of-its-own, name: password}]}"))
	kubectl.MustApply(t, namespace, object("broken", "{"+vaultSpec+", dataFrom: [secret/data/"+namespace+"/nowhere]}"))
	awaitReason(t, namespace, "fine", plan.ReasonSynced)
	awaitReason(t, namespace, "broken", plan.ReasonSecretNotFound)
	series := func() []string {
		metrics := string(harness.MustScrape(t, theLab.Syncer.MetricsAddress))
		if strings.Contains(metrics, "a-key-of-its-own") || strings.Contains(metrics, namespace+"/nowhere") {
			t.Error("a label holds a backend's key")
		}
		var found []string
		for line := range strings.Lines(metrics) {
			if strings.Contains(line, fmt.Sprintf("namespace=%q", namespace)) {
				name, _, _ := strings.Cut(line, " ")
				found = append(found, strings.ReplaceAll(name, namespace, "NS"))
			}
		}
		return found
	}
	want := []string{
		`kubernetes_external_secrets_last_sync_call_state{backend="secretsManager",name="fine",namespace="NS"}`,
		`kubernetes_external_secrets_last_sync_call_state{backend="vault",name="broken",namespace="NS"}`,
		`kubernetes_external_secrets_sync_calls_count{backend="secretsManager",name="fine",namespace="NS",status="success"}`,
		`kubernetes_external_secrets_sync_calls_count{backend="vault",name="broken",namespace="NS",status="error"}`,
		`last_state{backend="secretsManager",name="fine",namespace="NS"}`,
		`last_state{backend="vault",name="broken",namespace="NS"}`,
		`secretgate_last_success_timestamp_seconds{dialect="kes",kind="ExternalSecret",name="fine",namespace="NS"}`,
		`secretgate_objects{dialect="kes",kind="ExternalSecret",namespace="NS",reason="` + string(plan.ReasonSecretNotFound) + `"}`,
		`secretgate_objects{dialect="kes",kind="ExternalSecret",namespace="NS",reason="` + string(plan.ReasonSynced) + `"}`,
		`secretgate_sync_failing{dialect="kes",kind="ExternalSecret",name="broken",namespace="NS"}`,
		`secretgate_sync_failing{dialect="kes",kind="ExternalSecret",name="fine",namespace="NS"}`,
		`sync_calls{backend="secretsManager",name="fine",namespace="NS",status="success"}`,
		`sync_calls{backend="vault",name="broken",namespace="NS",status="error"}`,
	}
	if diff := cmp.Diff(want, series()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	kubectl.Must(t, "delete", "externalsecret", "-n", namespace, "fine", "broken")
	harness.Eventually(t, func() error {
		if left := series(); len(left) > 0 {
			return fmt.Errorf("still there: %v", left)
		}
		return nil
	})
}
