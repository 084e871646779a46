package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/shared/plan"
)

// TestPluginsOfK9s runs the plugins that k9s is given, as k9s does: it puts its variables into the arguments, and starts the command.
func TestPluginsOfK9s(t *testing.T) {
	t.Parallel()
	value := secretValue()
	p := newPair(t, value)
	kubectl.MustApply(t, p.namespace, object("still", "{refreshInterval: '0', "+p.spec+"}"))
	awaitData(t, p.namespace, "still", map[string]string{"password": value})
	awaitReason(t, p.namespace, "still", plan.ReasonSynced)
	run := k9s(t, map[string]string{
		"NAMESPACE": p.namespace, "NAME": "still", "RESOURCE_NAME": "externalsecrets", "RESOURCE_GROUP": "kubernetes-client.io",
		"CONTEXT": strings.TrimSpace(kubectl.Must(t, "config", "current-context")),
	})
	if said := run("secretgate-wait"); !strings.Contains(said, "externalsecret.kubernetes-client.io/still condition met") {
		t.Errorf("got %q, want that the condition is met", said)
	}
	value = p.rotate(t, getSecret(t, p.namespace, "still"))
	run("secretgate-refresh")
	awaitData(t, p.namespace, "still", map[string]string{"password": value})
}

// k9s returns what runs a plugin, and returns what it says.
func k9s(t *testing.T, variables map[string]string) func(plugin string) (said string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(theLab.Root, "kustomize", "docs", "k9s-plugins.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var all struct {
		Plugins map[string]struct {
			Command string
			Args    []string
		}
	}
	if err := yaml.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	variable := regexp.MustCompile(`\$(!?[\w|-]+)`) // as k9s's
	return func(name string) string {
		t.Helper()
		var args []string
		for _, arg := range all.Plugins[name].Args {
			args = append(args, variable.ReplaceAllStringFunc(arg, func(v string) string { return variables[v[1:]] }))
		}
		plugin := exec.CommandContext(t.Context(), all.Plugins[name].Command, args...)
		plugin.Env = append(os.Environ(), "KUBECONFIG="+theLab.Kubeconfig, "KUBERC=off",
			"PATH="+filepath.Dir(theLab.KubectlProgram())+":"+os.Getenv("PATH"))
		said, err := plugin.CombinedOutput()
		// read at the end of input is no failure of the plugin's.
		if err != nil && !strings.Contains(string(said), "condition met") {
			t.Fatalf("%s: %v: %s", name, err, said)
		}
		return string(said)
	}
}
