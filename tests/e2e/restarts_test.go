package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/secretsmanager"
)

// restarting is a cluster with the component restarts. It has no controller of workloads: the test does what that would do.
type restarting struct {
	*site
	restarter *lab.Service
}

const restartsNamespace = "shop"

func newRestarting(t *testing.T, args ...string) *restarting {
	t.Helper()
	s := newSite(t, lab.Options{Services: true, Syncer: lab.Extra{Args: []string{"--refresh-interval=2s", "--min-refresh-interval=1s"}}})
	s.installRestarts(t)
	s.kubectl.Must(t, "create", "namespace", restartsNamespace)
	r := &restarting{site: s}
	r.restarter = r.start(t, "restarter", args...)
	return r
}

// installRestarts adds what the component adds to an installation, and waits until its policy holds.
func (s *site) installRestarts(t *testing.T) {
	t.Helper()
	manifests := s.build(t, s.compose(t, overlayWith("local", "restarts")))
	var ours []string
	for document := range strings.SplitSeq(manifests, "\n---\n") {
		if strings.Contains(document, "app.kubernetes.io/name: restarter\n") {
			ours = append(ours, document)
		}
	}
	s.kubectl.MustApply(t, "", strings.Join(ours, "\n---\n"))
}

func (r *restarting) start(t *testing.T, name string, args ...string) *lab.Service {
	t.Helper()
	// A second is enough for a test to see what belongs together, and restarts of one workload follow at once.
	flags := append([]string{"--restart-quiet-period=1s", "--restart-min-interval=0s", "--log-level=debug"}, args...)
	service, err := r.lab.NewRestarter(t.Context(), name, lab.Extra{Args: flags})
	if err != nil {
		t.Fatal(err)
	}
	if err := service.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return service
}

// put stores a value, and rotates it.
func (r *restarting) put(t *testing.T, name string) {
	t.Helper()
	if err := r.lab.Clouds.AWS().PutSecrets(r.lab.AWSRegion, secretsmanager.Secret{Name: name, String: secretValue()}); err != nil {
		t.Fatal(err)
	}
}

// secret has a Secret made, and waits for its first revision.
func (r *restarting) secret(t *testing.T, name string) {
	t.Helper()
	r.put(t, name)
	r.kubectl.MustApply(t, restartsNamespace, object(name, "{backendType: secretsManager, data: [{key: "+name+", name: password}]}"))
	r.revision(t, name, 1)
}

// revision waits for a revision of a Secret.
func (r *restarting) revision(t *testing.T, name string, want int64) {
	t.Helper()
	harness.Eventually(t, func() error {
		got, err := r.kubectl.Run(t.Context(), "get", "externalsecret", "-n", restartsNamespace, name, "-o", "jsonpath={.status.dataRevision}")
		if err == nil && got != fmt.Sprint(want) {
			err = fmt.Errorf("got revision %q of %s, want %d", got, name, want)
		}
		return err
	})
}

// deployment makes a Deployment whose pods read these Secrets into their environment.
func (r *restarting) deployment(t *testing.T, name, annotations string, secrets ...string) {
	t.Helper()
	var from []string
	for _, secret := range secrets {
		from = append(from, "{secretRef: {name: "+secret+"}}")
	}
	r.kubectl.MustApply(t, restartsNamespace, fmt.Sprintf(`{apiVersion: apps/v1, kind: Deployment, metadata: {name: %[1]s, annotations: {%[2]s}},
		spec: {selector: {matchLabels: {app: %[1]s}}, template: {metadata: {labels: {app: %[1]s}}, spec: {containers: [
			{name: app, image: registry.invalid/app, envFrom: [%[3]s]}]}}}}`, name, annotations, strings.Join(from, ", ")))
	r.rolledOut(t, name)
}

func (r *restarting) get(t *testing.T, name string) *appsv1.Deployment {
	t.Helper()
	d, err := harness.Get[appsv1.Deployment](t.Context(), r.apiServer, workloadRef(name))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func workloadRef(name string) harness.Ref {
	return harness.Ref{Resource: appsv1.SchemeGroupVersion.WithResource("deployments"), Namespace: restartsNamespace, Name: name}
}

// rolledOut says of a Deployment what its controller says when a rollout has ended.
func (r *restarting) rolledOut(t *testing.T, name string) {
	t.Helper()
	status := fmt.Sprintf(`{"status":{"observedGeneration":%d,"replicas":1,"updatedReplicas":1,"availableReplicas":1,"readyReplicas":1}}`,
		r.get(t, name).Generation)
	if err := r.apiServer.Do(t.Context(), http.MethodPatch, workloadRef(name).Path()+"/status", harness.MergePatch, []byte(status), nil); err != nil {
		t.Fatal(err)
	}
}

// remembers waits until a Deployment remembers revisions of these Secrets, as name.revision.
func (r *restarting) remembers(t *testing.T, name string, want ...string) {
	t.Helper()
	harness.Eventually(t, func() error {
		got := shortRevisions(r.get(t, name).Annotations[names.AnnotationRevisions])
		if strings.Join(got, " ") != strings.Join(want, " ") {
			return fmt.Errorf("deployment %s remembers %q, want %q", name, got, want)
		}
		return nil
	})
}

// shortRevisions leaves out the uids of an annotation.
func shortRevisions(text string) []string {
	var all []string
	for item := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(item, "=")
		if _, count, ok := strings.Cut(value, "."); ok {
			all = append(all, name+"."+count)
		}
	}
	return all
}

// wantRestarts waits until a Deployment was restarted so often, as its events say.
func (r *restarting) wantRestarts(t *testing.T, name string, want int) {
	t.Helper()
	harness.Eventually(t, func() error {
		if got := len(r.events(t, name, "Restarted")); got != want {
			return fmt.Errorf("got %d restarts of %s, want %d", got, name, want)
		}
		return nil
	})
}

// events are what is said of a Deployment for a reason.
func (r *restarting) events(t *testing.T, name, reason string) (said []string) {
	t.Helper()
	all := r.kubectl.Must(t, "get", "events", "-n", restartsNamespace, "-o",
		fmt.Sprintf(`jsonpath={range .items[?(@.reason==%q)]}{.involvedObject.name} {.message}{"\n"}{end}`, reason))
	for line := range strings.SplitSeq(all, "\n") {
		if note, ok := strings.CutPrefix(line, name+" "); ok {
			said = append(said, note)
		}
	}
	return said
}

// says waits until something is said of a Deployment for a reason.
func (r *restarting) says(t *testing.T, name, reason string, want ...string) {
	t.Helper()
	harness.Eventually(t, func() error {
		said := r.events(t, name, reason)
		for _, part := range want {
			if !strings.Contains(strings.Join(said, "\n"), part) {
				return fmt.Errorf("got the events %q, want %s of %s that says %q", said, reason, name, part)
			}
		}
		return nil
	})
}

// TestRestarts: workloads that ask for it are restarted when a Secret changes, once, and no other ones; what changes while the restarter is
// down is not missed; and its start restarts nothing.
func TestRestarts(t *testing.T) {
	t.Parallel()
	r := newRestarting(t)
	r.secret(t, "db")
	r.secret(t, "tls")
	r.deployment(t, "web", names.AnnotationRestart+`: "true"`, "db", "tls")
	r.deployment(t, "worker", names.AnnotationRestart+": db", "tls")
	r.deployment(t, "other", "note: mine", "db")
	r.remembers(t, "web", "db.1", "tls.1")
	r.remembers(t, "worker", "db.1")
	r.rolledOut(t, "web") // what is recorded is an annotation, which the controller of Deployments observes as a new generation
	r.rolledOut(t, "worker")
	r.wantRestarts(t, "web", 0)

	t.Run("one restart for two Secrets that change together", func(t *testing.T) {
		r.put(t, "db")
		r.put(t, "tls")
		r.revision(t, "db", 2)
		r.revision(t, "tls", 2)
		r.remembers(t, "web", "db.2", "tls.2")
		r.remembers(t, "worker", "db.2")
		r.wantRestarts(t, "web", 1)
		r.wantRestarts(t, "worker", 1)
		r.wantRestarts(t, "other", 0)
		web := r.get(t, "web")
		if got := web.Spec.Template.Annotations[names.AnnotationRevisions]; got != web.Annotations[names.AnnotationRevisions] {
			t.Errorf("got %q on the pod template, want %q", got, web.Annotations[names.AnnotationRevisions])
		}
		r.says(t, "web", "Restarted", "Secret db changed from revision", "Secret tls changed from revision")
	})
	t.Run("no restart while a rollout is under way", func(t *testing.T) {
		r.put(t, "db") // the status of web and worker says nothing of the last change yet
		r.revision(t, "db", 3)
		r.says(t, "web", "RestartPending", "RolloutUnderWay")
		r.wantRestarts(t, "web", 1)
		r.rolledOut(t, "web")
		r.remembers(t, "web", "db.3", "tls.2")
		r.wantRestarts(t, "web", 2)
		r.rolledOut(t, "web")
		r.rolledOut(t, "worker")
		r.remembers(t, "worker", "db.3")
		r.rolledOut(t, "worker")
	})
	t.Run("what changes while it is down", func(t *testing.T) {
		r.restarter.Kill()
		r.put(t, "db")
		r.revision(t, "db", 4)
		if err := r.restarter.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.remembers(t, "web", "db.4", "tls.2")
		r.remembers(t, "worker", "db.4")
		r.wantRestarts(t, "web", 3)
		r.wantRestarts(t, "other", 0)
		r.rolledOut(t, "web")
		r.rolledOut(t, "worker")
	})
	t.Run("its start restarts nothing", func(t *testing.T) {
		r.restarter.Stop()
		if err := r.restarter.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.put(t, "tls") // what it restarts shows that it has seen everything
		r.revision(t, "tls", 3)
		r.deployment(t, "late", names.AnnotationRestart+`: "true"`, "tls")
		r.remembers(t, "late", "tls.3")
		r.remembers(t, "web", "db.4", "tls.3")
		r.wantRestarts(t, "web", 4)
		r.wantRestarts(t, "worker", 3)
		r.wantRestarts(t, "late", 0)
		r.rolledOut(t, "web")
	})
	t.Run("a paused Deployment is waited for", func(t *testing.T) {
		r.kubectl.Must(t, "rollout", "pause", "-n", restartsNamespace, "deployment/web")
		r.rolledOut(t, "web")
		r.put(t, "db")
		r.revision(t, "db", 5)
		r.says(t, "web", "RestartPending", "Paused")
		r.wantRestarts(t, "web", 4)
		r.kubectl.Must(t, "rollout", "resume", "-n", restartsNamespace, "deployment/web")
		r.rolledOut(t, "web")
		r.remembers(t, "web", "db.5", "tls.3")
		r.wantRestarts(t, "web", 5)
	})
}
