package show

import (
	"bytes"
	"flag"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/secretgate/secretgate/shared/dialect/dialecttest"
	"github.com/secretgate/secretgate/webhook/cli/shape"
)

var update = flag.Bool("update", false, "write the golden files anew")

var (
	now      = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	yes, no  = true, false
	db       = shape.Object{APIVersion: "kubernetes-client.io/v1", Kind: "ExternalSecret", Namespace: "core", Name: "db"}
	identity = []shape.Aspect{
		{Name: "role", Field: "spec.roleArn", Default: true}, {Name: "region", Value: "eu-west-1", Field: "spec.region", Default: true},
	}
	source = shape.Source{
		Fields: []string{"spec.data[0]"}, Backend: "secretsManager", Key: "/dev/core/db", Version: "AWSCURRENT", Identity: identity,
		Limits: []shape.Limit{{Verdict: shape.Permitted, Of: "key", Annotation: "team/keys", Renamed: true, Patterns: []string{".*"}, Pattern: ".*"}},
	}
)

func before(d time.Duration) *time.Time {
	t := now.Add(-d)
	return &t
}

func why() shape.Why {
	return shape.Why{
		Object: db, Verdict: shape.Permitted, Secret: "db", Sources: []shape.Source{source},
		Limits:   []shape.Limit{{Verdict: shape.Permitted, Of: "confined", Field: "spec.storeRef", Value: "ClusterSecretStore shared"}},
		Warnings: []string{`spec.adoptExisting is not honoured: namespace core lacks annotation secretgate.io/permit-adopt: "true"`},
		Status: &shape.Status{
			Ready: "False", Reason: "BackendAccessDenied", Message: "spec.data[0]: the backend refuses this identity", Current: true,
			Since: before(90 * time.Second), LastSync: before(20 * time.Second), LastSuccess: before(26 * time.Hour),
			Failures: []shape.Failure{{Field: "spec.data[0]", Reason: "BackendAccessDenied"}},
		},
		NextRead: &shape.NextRead{By: before(-time.Minute), Every: "5m0s", Why: "a read that failed is repeated, first after a second, at last every 5m0s"},
		Settings: []shape.Settings{
			{Service: "syncer", Known: true, From: []string{"Deployment syncer", "ConfigMap policy"}},
			{Service: "webhook", Assumed: "documented defaults, since you may not know"},
		},
		Notes: []shape.Note{"what the object refers to could not be read"},
	}
}

func tree() shape.Tree {
	return shape.Tree{
		Object: db, Ready: "True", Reason: "Synced", Sources: []shape.Source{source},
		Stores: []shape.Store{{Object: shape.Object{Kind: "SecretStore", Namespace: "core", Name: "vault"}, Found: &no}},
		Secret: shape.SecretNode{Name: "db", Exists: &yes, Owned: &yes, Changed: before(time.Hour), Entries: []string{"password", "user"}},
		Restarts: []shape.Restarts{
			{Kind: "Deployment", Name: "api", Has: "3f2a91c0.8", Is: "3f2a91c0.8", Restarted: before(40 * time.Minute)},
			{
				Kind: "Deployment", Name: "web", Has: "3f2a91c0.7", Is: "3f2a91c0.8", Pending: true,
				Waits: "Paused", Meaning: "the workload is paused: it is restarted once it is resumed",
			},
			{Kind: "StatefulSet", Name: "queue", Has: "3f2a91c0.7", Is: "3f2a91c0.8", Pending: true},
		},
		Pods: []shape.Pod{
			{Name: "api-5d8f-x2k", Phase: "Running", Controller: "ReplicaSet/api-5d8f", Uses: []shape.Use{{How: "volume", Container: "api", Name: "db"}}},
			{Name: "job-1", Phase: "Running", Uses: []shape.Use{{How: "env", Container: "job", Name: "PASSWORD"}}, Outdated: true},
		},
	}
}

func status() shape.Installation {
	overdue := 4.2
	return shape.Installation{
		Namespace: "secretgate",
		Services: []shape.Service{
			{Name: "syncer", Ready: 1, Wanted: 2, Image: "registry.example.com/secretgate/syncer:v1", Instances: []shape.Instance{
				{Pod: "syncer-a", Version: "v1.0.0", Measured: true, Overdue: &overdue, Breakers: []shape.Breaker{{Backend: "vault", Open: 2}}},
				{Pod: "syncer-b"},
			}},
			{Name: "webhook", Ready: 2, Wanted: 2, Image: "registry.example.com/secretgate/webhook:v1", Instances: []shape.Instance{
				{Pod: "webhook-a", Version: "v1.0.0", Measured: true, CertificateBy: before(-72 * time.Hour)},
			}},
		},
		Webhooks: []shape.Webhook{
			{Configuration: "ValidatingWebhookConfiguration/secretgate-webhook", Name: "validate.externalsecrets.secretgate.io", FailurePolicy: "Fail", CA: true},
		},
		Replicas: []shape.Replica{
			{Ring: "371658b6f8", Lease: "a", Holder: "syncer-a_1", Age: "4s", Members: 1},
			{Ring: "371658b6f8", Lease: "b", Holder: "syncer-b_1", Age: "9m", Members: 1, Expired: true},
		},
		Objects: []shape.ObjectsCount{
			{Namespace: "core", Kind: "ExternalSecret", Reason: "Synced", Count: 12}, {Namespace: "core", Kind: "ExternalSecret", Count: 1},
		},
		Notes: []shape.Note{"the metrics of the syncer: pod syncer-b does not answer"},
	}
}

func TestAnswers(t *testing.T) {
	refresh := shape.Refresh{Results: []shape.Refreshing{
		{Object: db, Outcome: shape.Refreshed, Reason: "Synced"},
		{Object: shape.Object{Kind: "ExternalSecret", Namespace: "core", Name: "old"}, Outcome: shape.Failed, Reason: "Suspended", Message: "spec.suspend is true: nothing is read or written"},
		{Object: shape.Object{Kind: "ExternalSecret", Namespace: "core", Name: "slow"}, Outcome: shape.TimedOut, Message: "no syncer reported it within 1m3s"},
	}}
	nothing := shape.Installation{Namespace: "secretgate", Unknown: []string{"services", "webhooks"}}
	for name, c := range map[string]struct {
		format string
		colour bool
		value  any
		answer Answer
	}{
		"why.text":           {Text, false, why(), Why(why())},
		"why.json":           {JSON, false, why(), Why(why())},
		"tree.text":          {Text, false, tree(), Tree(tree())},
		"tree.json":          {JSON, false, tree(), Tree(tree())},
		"status.text":        {Text, false, status(), Status(status())},
		"status.json":        {JSON, false, status(), Status(status())},
		"status-denied.text": {Text, false, nothing, Status(nothing)},
		"refresh.text":       {Text, false, refresh, Refresh(refresh)},
		"refresh.yaml":       {YAML, false, refresh, Refresh(refresh)},
		"refresh.colour":     {Text, true, refresh, Refresh(refresh)},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := Write(&b, c.format, c.value, c.answer, Page{Now: now, Colour: c.colour}); err != nil {
				t.Fatal(err)
			}
			dialecttest.Golden(t, *update, filepath.Join("testdata", name), b.String())
		})
	}
}

// What users write into the cluster must not command the terminal of another.
func TestNoControlCharacterOfAnObjectIsShown(t *testing.T) {
	evil := "\x1b]0;owned\x07\x1b[0m"
	w := why()
	w.Object.Name, w.Status.Message, w.Sources[0].Key, w.Warnings, w.Verdict = evil, evil, evil, []string{evil}, evil
	w.Sources[0].Limits = []shape.Limit{{Verdict: evil, Of: evil, Message: evil, Pattern: evil, Patterns: []string{evil}}}
	w.Notes, w.Problems = []shape.Note{shape.Note(evil)}, []shape.Problem{{Field: evil, Message: evil}}
	tr := tree()
	tr.Object.Name, tr.Secret.Entries, tr.Pods[0].Name, tr.Reason = evil, []string{evil}, evil, evil
	s := status()
	s.Services[0].Image, s.Replicas[0].Holder, s.Objects[0].Reason, s.Services[0].Instances[0].Pod = evil, evil, evil, evil
	who := shape.WhoCan{Key: evil, Namespaces: []shape.Access{{Namespace: evil, Verdict: evil, Limits: w.Sources[0].Limits}}, Readers: []shape.Reader{{Object: db, Role: evil}}}
	for name, answer := range map[string]Answer{"why": Why(w), "tree": Tree(tr), "status": Status(s), "who-can": WhoCan(who)} {
		for _, colour := range []bool{false, true} {
			var b bytes.Buffer
			if err := Write(&b, Text, nil, answer, Page{Now: now, Colour: colour}); err != nil {
				t.Fatal(err)
			}
			if got := b.String(); strings.ContainsAny(got, "\x07") || strings.Contains(got, "\x1b]") || !strings.Contains(got, `\x1b]`) {
				t.Errorf("%s shows a control character, or not what it was made of:\n%q", name, got)
			}
		}
	}
}
