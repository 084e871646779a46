package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/shared/dialect/all"
	"github.com/secretgate/secretgate/shared/dialect/dialecttest/probe"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/webhook/cli"
	"github.com/secretgate/secretgate/webhook/cli/shape"
)

// said is what a run of the command line shows.
type said struct {
	code           int
	stdout, stderr string
}

// secretgate runs the command line as the lab's admin. A value that was planted must not be in what it shows.
func secretgate(ctx context.Context, t *testing.T, args ...string) said {
	t.Helper()
	var out, errs bytes.Buffer
	s := said{code: cli.Program{
		Path: "kubectl-secretgate", Version: "e2e", Dialects: append(all.Dialects(), probe.Dialect()),
		Args:  append([]string{"--kubeconfig=" + theLab.Kubeconfig}, args...), // the last one may be a word to complete
		Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Lookup: func(string) (string, bool) { return "", false },
	}.Run(ctx)}
	s.stdout, s.stderr = out.String(), errs.String()
	if holdsPlanted(out.Bytes()) || holdsPlanted(errs.Bytes()) {
		t.Errorf("secretgate %s shows a planted value", args[0])
	}
	return s
}

// answers runs a command that is to end with an exit code, and decodes its answer, which has no other fields than its shape.
func answers[Shape any](t *testing.T, code int, args ...string) Shape {
	t.Helper()
	s := secretgate(t.Context(), t, append(args, "--output=json")...)
	if s.code != code {
		t.Fatalf("secretgate %s: got exit code %d, want %d:\n%s", strings.Join(args, " "), s.code, code, s.stderr)
	}
	var answer Shape
	decoder := json.NewDecoder(strings.NewReader(s.stdout))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&answer); err != nil {
		t.Fatalf("secretgate %s: %v:\n%s", strings.Join(args, " "), err, s.stdout)
	}
	return answer
}

// cliTeam has a namespace with an object that is synced, and one that is suspended.
func cliTeam(t *testing.T) (namespace string) {
	t.Helper()
	namespace = newNamespace(t, nil)
	annotate(t, namespace, names.AnnotationPermittedKeyName+"="+namespace+"/.*")
	value := secretValue()
	putAWS(t, namespace+"/db", value)
	spec := "backendType: secretsManager, data: [{key: " + namespace + "/db, name: password}]"
	kubectl.MustApply(t, namespace, object("db", "{"+spec+"}")+"---\n"+object("paused", "{suspend: true, "+spec+"}"))
	awaitData(t, namespace, "db", map[string]string{"password": value})
	awaitReason(t, namespace, "paused", plan.ReasonSuspended)
	return namespace
}

// TestCommandLine asks of a real cluster all that the command line can be asked, as its admin and as a user who may do little.
func TestCommandLine(t *testing.T) {
	t.Parallel()
	namespace := cliTeam(t)
	for name, story := range map[string]func(*testing.T, string){
		"why":                       cliWhy,
		"who-can":                   cliWhoCan,
		"tree":                      cliTree,
		"refresh":                   cliRefresh,
		"a refresh that is stopped": cliInterrupted,
		"status":                    cliStatus,
		"few rights":                cliFewRights,
		"what is mistyped":          cliMistyped,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			story(t, namespace)
		})
	}
}

func cliWhy(t *testing.T, namespace string) {
	got := answers[shape.Why](t, 0, "why", namespace+"/db")
	if got.Verdict != shape.Permitted || got.Status == nil || got.Status.Reason != "Synced" || got.NextRead == nil || got.NextRead.By == nil {
		t.Errorf("got %+v, want an object that is permitted, synced, and read again", got)
	}
	want := shape.Limit{
		Verdict: shape.Permitted, Of: "key", Field: "spec.data[0].key", Value: namespace + "/db", Annotation: names.AnnotationPermittedKeyName,
		Patterns: []string{namespace + "/.*"}, Pattern: namespace + "/.*",
	}
	var keys []shape.Limit
	for _, l := range got.Sources[0].Limits {
		if l.Of == "key" {
			keys = append(keys, l)
		}
	}
	if diff := cmp.Diff([]shape.Limit{want}, keys); diff != "" {
		t.Errorf("limits of the key (-want +got):\n%s", diff)
	}
	if s := secretgate(t.Context(), t, "why", "paused", "-n", namespace); s.code != 0 || !strings.Contains(s.stdout, "never: spec.suspend is true") {
		t.Errorf("got exit code %d, want that a suspended object is never read:\n%s%s", s.code, s.stdout, s.stderr)
	}
	kubectl.MustApply(t, "", "apiVersion: v1\nkind: Namespace\nmetadata: {name: "+namespace+"-strict}\n")
	t.Cleanup(func() {
		_, _ = kubectl.Run(context.Background(), "delete", "namespace", namespace+"-strict", "--wait=false")
	})
	kubectl.MustApply(t, namespace+"-strict", object("db", "{backendType: secretsManager, region: us-east-1, data: [{key: prod/db, name: password}]}"))
	annotate(t, namespace+"-strict", names.AnnotationPermittedKeyName+"=dev/.*")
	awaitReason(t, namespace+"-strict", "db", plan.ReasonPolicyDenied)
	denied := answers[shape.Why](t, 0, "why", "es/db", "-n", namespace+"-strict")
	if denied.Verdict != shape.Denied || !strings.HasPrefix(denied.NextRead.Why, "policy forbids it") {
		t.Errorf("got %+v, want an object that policy denies", denied)
	}
}

func cliWhoCan(t *testing.T, namespace string) {
	got := answers[shape.WhoCan](t, 0, "who-can", namespace+"/db", "--backend=secretsManager")
	own := ""
	for _, access := range got.Namespaces {
		if access.Namespace == namespace {
			own = access.Verdict
		}
	}
	if own != shape.Permitted {
		t.Errorf("got %q for the namespace, want %q", own, shape.Permitted)
	}
	var readers []string
	for _, r := range got.Readers {
		readers = append(readers, r.Object.Name+" "+r.Field+" "+r.Verdict+" "+r.Reason)
	}
	want := []string{"db spec.data[0] permitted Synced", "paused spec.data[0] permitted Suspended"}
	if diff := cmp.Diff(want, readers); diff != "" {
		t.Errorf("readers (-want +got):\n%s", diff)
	}
	if got := answers[shape.WhoCan](t, 0, "who-can", namespace+"/db", "--role=arn:aws:iam::123456789012:role/none"); len(got.Readers) > 0 {
		t.Errorf("got readers %+v of another role, want none", got.Readers)
	}
}

// usingPod uses the Secret db in both ways. Without nodes it never runs.
const usingPod = `
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  automountServiceAccountToken: false
  volumes: [{name: db, secret: {secretName: db}}]
  containers:
    - name: web
      image: registry.invalid/web
      volumeMounts: [{name: db, mountPath: /db}]
      env: [{name: PASSWORD, valueFrom: {secretKeyRef: {name: db, key: password}}}]
`

func cliTree(t *testing.T, namespace string) {
	harness.Eventually(t, func() error { // the namespace's ServiceAccount comes with a delay
		_, err := kubectl.Apply(t.Context(), namespace, usingPod)
		return err
	})
	// What a kubelet would report of one that started long ago.
	change := `{"status": {"phase": "Running", "containerStatuses": [{"name": "web", "image": "i", "imageID": "i", "ready": true, "restartCount": 0,
		"state": {"running": {"startedAt": "2020-01-01T00:00:00Z"}}}]}}`
	kubectl.Must(t, "patch", "pod", "web", "-n", namespace, "--subresource=status", "--type=merge", "--patch="+change)
	yes := true
	got := answers[shape.Tree](t, 0, "tree", "db", "-n", namespace, "--entries")
	got.Secret.Changed, got.Sources, got.Notes = nil, nil, nil
	want := shape.Tree{
		Object: shape.Object{APIVersion: "kubernetes-client.io/v1", Kind: "ExternalSecret", Namespace: namespace, Name: "db"}, Ready: "True", Reason: "Synced",
		Secret: shape.SecretNode{Name: "db", Exists: &yes, Owned: &yes, Entries: []string{"password"}},
		Pods: []shape.Pod{{Name: "web", Phase: "Running", Outdated: true, Uses: []shape.Use{
			{How: "volume", Container: "web", Name: "db"}, {How: "env", Container: "web", Name: "PASSWORD"},
		}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if without := answers[shape.Tree](t, 0, "tree", namespace+"/db"); len(without.Secret.Entries) > 0 {
		t.Errorf("got entries %q that were not asked for", without.Secret.Entries)
	}
}

func cliRefresh(t *testing.T, namespace string) {
	// One that is never read again by itself.
	value := secretValue()
	putAWS(t, namespace+"/once", value)
	kubectl.MustApply(t, namespace, "apiVersion: kubernetes-client.io/v1\nkind: ExternalSecret\nmetadata: {name: once, labels: {group: one}}\n"+
		"spec: {backendType: secretsManager, refreshInterval: '0', data: [{key: "+namespace+"/once, name: password}]}\n")
	awaitData(t, namespace, "once", map[string]string{"password": value})
	value = secretValue()
	putAWS(t, namespace+"/once", value)
	got := answers[shape.Refresh](t, 0, "refresh", "once", "-n", namespace)
	if len(got.Results) != 1 || got.Results[0].Outcome != shape.Refreshed {
		t.Errorf("got %+v, want one object that is refreshed", got)
	}
	if err := harness.Holds(getSecret(t, namespace, "once").Data, map[string]string{"password": value}); err != nil {
		t.Errorf("refresh returned before the Secret was as the backend has it: %v", err)
	}
	if got := answers[shape.Refresh](t, 0, "refresh", "-l", "group=one", "-n", namespace); len(got.Results) != 1 || got.Results[0].Object.Name != "once" {
		t.Errorf("got %+v by labels, want the object that has them", got)
	}
	if got := answers[shape.Refresh](t, 0, "refresh", "-A", "--selector=group=one"); len(got.Results) != 1 || got.Results[0].Outcome != shape.Refreshed {
		t.Errorf("got %+v of all namespaces, want the object that is labelled so", got)
	}
	s := secretgate(t.Context(), t, "refresh", "db", "paused", "-n", namespace)
	wantOut := fmt.Sprintf("refreshed   ExternalSecret %[1]s/db\nfailed      ExternalSecret %[1]s/paused: Suspended: spec.suspend is true: nothing is read or written\n", namespace)
	if s.code != 1 || s.stdout != wantOut || s.stderr != "secretgate: 1 of 2 objects were not refreshed\n" {
		t.Errorf("got exit code %d,\n%s%s, want 1 and\n%s", s.code, s.stdout, s.stderr, wantOut)
	}
	kubectl.MustApply(t, namespace, object("gone", "{backendType: secretsManager, data: [{key: "+namespace+"/gone, name: password}]}"))
	failed := answers[shape.Refresh](t, 1, "refresh", "gone", "-n", namespace)
	if r := failed.Results[0]; r.Outcome != shape.Failed || r.Reason != string(plan.ReasonSecretNotFound) || r.Message == "" {
		t.Errorf("got %+v, want the reason of the failure", r)
	}
}

// unserved is an object that no syncer of the lab serves.
func unserved(t *testing.T, namespace, name string) {
	t.Helper()
	kubectl.MustApply(t, namespace, object(name, "{controllerId: elsewhere, backendType: secretsManager, data: [{key: "+namespace+"/other, name: password}]}"))
}

func cliInterrupted(t *testing.T, namespace string) {
	unserved(t, namespace, "elsewhere")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() { // as soon as it waits
		_ = harness.Poll{}.Until(ctx, func() error {
			object, err := harness.Get[metav1.PartialObjectMetadata](ctx, apiServer, externalSecret(namespace, "elsewhere"))
			if err == nil && object.Annotations[names.AnnotationForceSync] == "" {
				err = errors.New("it is not requested yet")
			}
			return err
		})
		stop()
	}()
	if s := secretgate(ctx, t, "refresh", "elsewhere", "-n", namespace); s.code != 1 || s.stderr != "secretgate: interrupted\n" ||
		s.stdout != "requested   ExternalSecret "+namespace+"/elsewhere\n" {
		t.Errorf("got exit code %d,\n%s%s, want 1 and what was requested", s.code, s.stdout, s.stderr)
	}
	late := answers[shape.Refresh](t, 1, "refresh", "elsewhere", "-n", namespace, "--timeout=1s")
	if r := late.Results[0]; r.Outcome != shape.TimedOut || !strings.Contains(r.Message, "no syncer reported it within 1s") {
		t.Errorf("got %+v, want that no syncer reported it", r)
	}
	asked := answers[shape.Refresh](t, 0, "refresh", "elsewhere", "-n", namespace, "--wait=false")
	if r := asked.Results[0]; r.Outcome != shape.Requested {
		t.Errorf("got %+v, want one that is requested", r)
	}
}

func cliMistyped(t *testing.T, namespace string) {
	for name, c := range map[string]struct{ word, want string }{
		"a name":             {namespace + "/dbb", `there is no ExternalSecret or SecretDefinition "dbb" in namespace "` + namespace + `"; did you mean db?`},
		"a namespace":        {namespace + "x/db", `there is no namespace "` + namespace + `x"; did you mean ` + namespace + `?`},
		"a name like no one": {"es/" + namespace + "/something-else", `there is no ExternalSecret "something-else" in namespace "` + namespace + `"`},
	} {
		s := secretgate(t.Context(), t, "why", c.word)
		s.stderr = strings.ReplaceAll(s.stderr, " or Probe", "") // a kind of other tests, which may be there by now
		if s.code != 1 || s.stderr != "secretgate: "+c.want+"\n" {
			t.Errorf("%s: got exit code %d and %q, want 1 and %q", name, s.code, s.stderr, c.want)
		}
	}
	if s := secretgate(t.Context(), t, "__complete", "why", "-n", namespace, "p"); !strings.HasPrefix(s.stdout, "paused\n") && !strings.Contains(s.stdout, "\npaused\n") {
		t.Errorf("got %q, want the name to be completed", s.stdout)
	}
}
