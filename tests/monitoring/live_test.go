package monitoring

import (
	"fmt"
	"maps"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/secretsmanager"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
)

// TestWhatIsWatchedIsExposed lets both services succeed, fail, deny, convert, share and be throttled, has a real Prometheus scrape
// them, and compares with what it saw all that users are given to watch them.
func TestWhatIsWatchedIsExposed(t *testing.T) {
	l, err := lab.Start(t.Context(), lab.Options{
		Dir: t.TempDir(), Services: true,
		Syncer: lab.Extra{Args: []string{
			"--refresh-interval=2s", "--min-refresh-interval=1s",
			"--secret-definitions", "--vault.auth-method=kubernetes", "--vault.kubernetes-role=" + lab.VaultRole, "--reconcile-period=2s",
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Stop)
	p := startPrometheus(t, l)
	useAll(t, l)

	t.Run("both services are up", func(t *testing.T) { bothUp(t, p) })
	t.Run("what users do arrives", func(t *testing.T) { seen(t, p) })
	t.Run("alerts read what is there", func(t *testing.T) {
		for _, r := range readRules(t) {
			reads(t, p, r.Alert, r.Expr)
		}
		rulesHealthy(t, p)
	})
	t.Run("the dashboard shows what is there", func(t *testing.T) { dashboardShows(t, p) })
	t.Run("the reference describes what is there", func(t *testing.T) { referenced(t, p) })
	t.Run("the dashboard can be drawn", func(t *testing.T) { drawn(t, l, p) })
}

// useAll makes each kind of event happen.
func useAll(t *testing.T, l *lab.Lab) {
	t.Helper()
	for _, key := range []string{"good", "slow"} {
		if err := l.Clouds.AWS().PutSecrets(regionOf(key), secretsmanager.Secret{Name: key, String: "a value"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Clouds.Faults().Add(fault.Fault{Kind: fault.Throttle, Key: "slow"}); err != nil {
		t.Fatal(err)
	}
	kubectl := harness.Kubectl(l.Kubectl)
	kubectl.Must(t, "create", "namespace", "team")
	for _, name := range []string{"good", "shared", "forbidden"} {
		kubectl.MustApply(t, "", object("spec", name, "good"))
	}
	kubectl.MustApply(t, "", object("secretDescriptor", "old", "good"))
	kubectl.MustApply(t, "", object("spec", "fails", "missing"))
	kubectl.MustApply(t, "", object("spec", "throttled", "slow"))
	kubectl.Must(t, "wait", "-n", "team", "--for=condition=Ready", "--timeout="+harness.Timeout.String(),
		"es/good", "es/shared", "es/forbidden", "es/old")
	// From now on this one is forbidden, and so is what is applied. The others name the first key, which is permitted.
	kubectl.MustApply(t, "", object("spec", "forbidden", "slow"))
	kubectl.Must(t, "annotate", "namespace", "team", "externalsecrets.kubernetes-client.io/permitted-key-name=good")
	harness.Eventually(t, func() error {
		_, err := kubectl.Apply(t.Context(), "", object("spec", "denied", "slow"))
		if err == nil {
			return fmt.Errorf("a forbidden object is stored")
		}
		return nil
	})
	kubectl.Must(t, "create", "namespace", "busy")
	kubectl.MustApply(t, "", strings.ReplaceAll(object("spec", "throttled", "slow"), "namespace: team", "namespace: busy"))
	kubectl.MustApply(t, "", strings.ReplaceAll(object("spec", "fails", "missing"), "namespace: team", "namespace: busy"))
	kubectl.MustApply(t, "", `apiVersion: secrets-manager.tuenti.io/v1alpha1
kind: SecretDefinition
metadata: {name: defined, namespace: busy}
spec: {name: defined, keysMap: {password: {path: secret/data/missing}}}
`)
}

func object(spec, name, key string) string {
	return fmt.Sprintf(`apiVersion: kubernetes-client.io/v1
kind: ExternalSecret
metadata: {name: %s, namespace: team}
%s: {backendType: secretsManager, region: %s, data: [{key: %s, name: password}]}
`, name, spec, regionOf(key), key)
}

// regionOf keeps what is throttled in a region of its own: the syncer leaves all of it alone for a while.
func regionOf(key string) string {
	if key == "slow" {
		return "eu-north-1"
	}
	return "eu-west-1"
}

func bothUp(t *testing.T, p prometheus) {
	t.Helper()
	for _, job := range []string{"syncer", "webhook"} {
		nonempty(t, p, fmt.Sprintf("up{job=%q} == 1 and on (job) secretgate_%s_build_info", job, job))
	}
}

// seen waits until the events have been scraped, so that what follows need not wait.
func seen(t *testing.T, p prometheus) {
	t.Helper()
	for _, expr := range []string{
		`kubernetes_external_secrets_last_sync_call_state{namespace="team",name="good"} == 1`,
		`kubernetes_external_secrets_last_sync_call_state{namespace="busy",name="fails"} == -1`,
		`secretgate_last_success_timestamp_seconds{namespace="team",name="shared"} > 0`,
		`secretgate_objects{kind="ExternalSecret",namespace="team",reason="PolicyDenied"} > 0`,
		`secretgate_objects{kind="ExternalSecret",namespace="busy",reason="BackendThrottled"} > 0`,
		`secretgate_objects{kind="SecretDefinition",namespace="busy",reason="BackendSecretNotFound"} > 0`,
		`secretgate_sync_failing{kind="SecretDefinition",namespace="busy",name="defined"} == 1`,
		`secrets_manager_controller_last_sync_status{namespace="busy",name="defined"} == 0`,
		`secretgate_admission_verdicts_total{verdict="denied"} > 0`,
		`secretgate_admission_deprecated_fields_total > 0`,
		`secretgate_backend_requests_total{code="throttled"} > 0`,
		`rate(secretgate_backend_reads_avoided_total[1m]) > 0`,
		`secretgate_breakers_open >= 0`,
	} {
		nonempty(t, p, expr)
	}
}

func nonempty(t *testing.T, p prometheus, expr string) {
	t.Helper()
	harness.Eventually(t, func() error {
		found, err := p.query(t.Context(), expr)
		if err == nil && len(found) == 0 {
			err = fmt.Errorf("nothing is %s", expr)
		}
		return err
	})
}

// reads fails where an expression names a metric, a label or a label's value that no target exposes.
func reads(t *testing.T, p prometheus, what, expr string) {
	t.Helper()
	tree := p.parse(t, expr)
	if len(tree.selectors) == 0 {
		t.Errorf("%s reads nothing: %s", what, expr)
	}
	known := map[string]bool{}
	for _, s := range tree.selectors {
		labels := p.labels(t, s.metric)
		if len(labels) == 0 {
			t.Errorf("%s reads %s, which no target exposes", what, s.metric)
		}
		for label, value := range s.equal {
			if !labels[label][value] {
				t.Errorf("%s reads %s{%s=%q}, which no target exposes", what, s.metric, label, value)
			}
		}
		for _, label := range s.labels {
			if labels[label] == nil {
				t.Errorf("%s matches label %s, which %s has not", what, label, s.metric)
			}
		}
		for label := range labels {
			known[label] = true
		}
	}
	for _, label := range tree.grouping {
		if !known[label] {
			t.Errorf("%s groups or joins by %s, which no metric in it has: %s", what, label, expr)
		}
	}
}

func rulesHealthy(t *testing.T, p prometheus) {
	t.Helper()
	harness.Eventually(t, func() error {
		var answer struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError string }
			}
		}
		if err := p.get(t.Context(), "/api/v1/rules", nil, &answer); err != nil {
			return err
		}
		healthy := 0
		for _, g := range answer.Groups {
			for _, r := range g.Rules {
				if r.Health != "ok" {
					return fmt.Errorf("%s is %s: %s", r.Name, r.Health, r.LastError)
				}
				healthy++
			}
		}
		if healthy != len(readRules(t)) {
			return fmt.Errorf("%d rules are evaluated", healthy)
		}
		return nil
	})
}

// legend finds the labels that a legend shows.
var legend = regexp.MustCompile(`\{\{(\w+)\}\}`)

// dashboardShows fails where a panel shows nothing, or names what no target exposes.
func dashboardShows(t *testing.T, p prometheus) {
	t.Helper()
	fill := strings.NewReplacer("$namespace", ".*", "$__rate_interval", "1m")
	shown := 0
	for _, panel := range readDashboard(t) {
		for _, target := range panel.Targets {
			shown++
			expr := fill.Replace(target.Expr)
			reads(t, p, "panel "+panel.Title, expr)
			nonempty(t, p, expr)
			result, err := p.query(t.Context(), expr)
			if err != nil {
				t.Fatal(err)
			}
			for _, label := range legend.FindAllStringSubmatch(target.LegendFormat, -1) {
				if !slices.ContainsFunc(result, func(s sample) bool { _, has := s.Metric[label[1]]; return has }) {
					t.Errorf("the legend of panel %s shows %s, which no series has", panel.Title, label[1])
				}
			}
		}
	}
	if shown == 0 {
		t.Error("the dashboard is empty")
	}
}

// ours is the beginning of the names of the services' own metrics.
var ours = regexp.MustCompile(`^(secretgate_|kubernetes_external_secrets_|secrets_manager_|sync_calls$|last_state$)`)

// row is one of a table of metrics in reference.md: name, type, labels, meaning.
var row = regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| (counter|gauge|histogram) \\| ([^|]*) \\| (.*) \\|$")

var word = regexp.MustCompile("[a-z_]+")

type metric struct {
	Type, Help string
	Labels     []string
}

// readReference reads what the reference says of metrics, by their names.
func readReference(t *testing.T) map[string]metric {
	t.Helper()
	page, err := os.ReadFile(root + "/kustomize/docs/reference.md")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]metric{}
	for _, cells := range row.FindAllStringSubmatch(string(page), -1) {
		m := metric{Type: cells[2], Help: cells[4], Labels: word.FindAllString(cells[3], -1)}
		slices.Sort(m.Labels)
		told[cells[1]] = m
	}
	if len(told) == 0 {
		t.Fatal("the reference describes no metric")
	}
	return told
}

// referenced fails where the reference says otherwise than the services.
func referenced(t *testing.T, p prometheus) {
	t.Helper()
	told := readReference(t)
	var exposed map[string][]struct{ Type, Help string }
	p.mustGet(t, "/api/v1/metadata", url.Values{}, &exposed)
	for name, is := range exposed {
		if !ours.MatchString(name) {
			continue
		}
		series := name
		if is[0].Type == "histogram" {
			series += "_count"
		}
		got := metric{Type: is[0].Type, Help: is[0].Help}
		labels := p.labels(t, series)
		maps.DeleteFunc(labels, func(label string, _ map[string]bool) bool {
			return label == "__name__" || label == "job" || label == "instance"
		})
		for _, label := range told[name].Labels { // an empty label is none
			if labels[label] != nil {
				got.Labels = append(got.Labels, label)
				delete(labels, label)
			}
		}
		want := told[name]
		want.Labels = got.Labels
		if diff := cmp.Diff(want, got); diff != "" || len(labels) > 0 {
			t.Errorf("%s is not as reference.md has it (-told +exposed); labels that are not told: %v\n%s", name, slices.Collect(maps.Keys(labels)), diff)
		}
	}
}
