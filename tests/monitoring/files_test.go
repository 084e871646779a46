package monitoring

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

const (
	root      = "../.."
	component = root + "/kustomize/components/monitoring"
)

// ruleFile is a rule file of Prometheus, as far as it is of interest.
type ruleFile struct {
	Groups []struct {
		Rules []rule `json:"rules"`
	} `json:"groups"`
}

type rule struct {
	Alert       string            `json:"alert"`
	Expr        string            `json:"expr"`
	For         string            `json:"for"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

func readRules(t *testing.T) []rule {
	t.Helper()
	var file ruleFile
	readYAML(t, filepath.Join(component, "rules.yaml"), &file)
	var rules []rule
	for _, g := range file.Groups {
		rules = append(rules, g.Rules...)
	}
	if len(rules) == 0 {
		t.Fatal("there are no rules")
	}
	return rules
}

func readYAML(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err == nil {
		err = yaml.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// panel is one of the dashboard, as far as it is of interest.
type panel struct {
	Title   string `json:"title"`
	Type    string `json:"type"`
	Targets []struct {
		Expr         string `json:"expr"`
		LegendFormat string `json:"legendFormat"`
	} `json:"targets"`
}

func readDashboard(t *testing.T) []panel {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(component, "dashboard.json"))
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []panel `json:"panels"`
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	return dashboard.Panels
}

// tool is a program that make builds.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(root, ".cache", "tools", name))
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		t.Fatalf("%v: run make .cache/tools/%s", err, name)
	}
	return path
}

func promtool(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), tool(t, "promtool"), args...).CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func TestPromtoolAcceptsRulesAndScrapeConfiguration(t *testing.T) {
	promtool(t, "check", "rules", "--lint=all", "--lint-fatal", component+"/rules.yaml")
	promtool(t, "check", "config", component+"/scrape.yaml")
}

func TestAlertsFireWhenTheyShould(t *testing.T) {
	promtool(t, "test", "rules", "alerts.yaml")
}

func TestEachAlertIsSeenFiring(t *testing.T) {
	cases, err := os.ReadFile("alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range readRules(t) {
		if !strings.Contains(string(cases), `alertname="`+r.Alert+`"`) {
			t.Errorf("no case of alerts.yaml expects %s to fire", r.Alert)
		}
	}
}

func TestEachAlertSaysWhatToDo(t *testing.T) {
	runbook, err := os.ReadFile(root + "/kustomize/docs/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	alerts := map[string]bool{}
	for _, r := range readRules(t) {
		alerts[r.Alert] = true
		if s := r.Labels["severity"]; s != "info" && s != "warning" && s != "critical" {
			t.Errorf("%s has severity %q", r.Alert, s)
		}
		if r.For == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			t.Errorf("%s lacks for, summary or description", r.Alert)
		}
		want := "https://github.com/secretgate/secretgate/blob/main/kustomize/docs/runbook.md#" + strings.ToLower(r.Alert)
		if got := r.Annotations["runbook_url"]; got != want {
			t.Errorf("%s has runbook_url %q, not %q", r.Alert, got, want)
		}
		if !strings.Contains(string(runbook), "\n## "+r.Alert+"\n") {
			t.Errorf("the runbook has no entry %s", r.Alert)
		}
	}
	for _, entry := range regexp.MustCompile(`(?m)^## (\w+)$`).FindAllStringSubmatch(string(runbook), -1) {
		if !alerts[entry[1]] {
			t.Errorf("the runbook describes %s, which is no alert", entry[1])
		}
	}
}

func TestTheOperatorIsGivenTheSameRules(t *testing.T) {
	var plain ruleFile
	readYAML(t, filepath.Join(component, "rules.yaml"), &plain)
	var resource struct {
		Kind string   `json:"kind"`
		Spec ruleFile `json:"spec"`
	}
	readYAML(t, filepath.Join(component, "prometheus-rule.yaml"), &resource)
	if diff := cmp.Diff(plain, resource.Spec); diff != "" || resource.Kind != "PrometheusRule" {
		t.Errorf("a %s of other rules: run make generate-monitoring\n%s", resource.Kind, diff)
	}
}
