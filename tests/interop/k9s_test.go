package interop

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"sigs.k8s.io/yaml"
)

// plugins is what the JSON schema of k9s allows in its plugins.yaml, and no more:
// https://github.com/derailed/k9s/blob/master/internal/config/json/schemas/plugins.json
type plugins struct {
	Plugins map[string]struct {
		ShortCut        string   `json:"shortCut"`
		Override        bool     `json:"override"`
		Description     string   `json:"description"`
		Confirm         bool     `json:"confirm"`
		Dangerous       bool     `json:"dangerous"`
		Scopes          []string `json:"scopes"`
		Command         string   `json:"command"`
		Background      bool     `json:"background"`
		OverwriteOutput bool     `json:"overwriteOutput"`
		Args            []string `json:"args"`
	} `json:"plugins"`
}

// What k9s takes for a variable, and the ones that it knows in each list. It refuses to run a plugin that names another.
var (
	k9sVariable  = regexp.MustCompile(`\$(!?[\w|-]+)`)
	k9sVariables = []string{"NAMESPACE", "NAME", "CONTEXT", "RESOURCE_GROUP", "RESOURCE_NAME"}
	k9sKey       = regexp.MustCompile(`^(Shift|Ctrl)-[A-Z]$`)
)

func TestPluginsOfK9s(t *testing.T) {
	text := read(t, "k9s-plugins.yaml")
	var all plugins
	if err := yaml.UnmarshalStrict([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	// The schema cares for the case of names, which the decoder does not.
	if again, err := yaml.Marshal(all); err != nil || len(diffOfNames(t, text, string(again))) > 0 {
		t.Errorf("got names %v that are none of the schema's: %v", diffOfNames(t, text, string(again)), err)
	}
	if len(all.Plugins) != 3 {
		t.Errorf("got %d plugins, want 3", len(all.Plugins))
	}
	resources, keys := served(t), map[string]string{}
	for name, plugin := range all.Plugins {
		if !k9sKey.MatchString(plugin.ShortCut) || plugin.Description == "" || plugin.Command == "" || len(plugin.Scopes) == 0 {
			t.Errorf("%s: got %+v, want what the schema requires, and a shortcut that is one", name, plugin)
		}
		if other, taken := keys[plugin.ShortCut]; taken {
			t.Errorf("%s and %s have one shortcut, %s", name, other, plugin.ShortCut)
		}
		keys[plugin.ShortCut] = name
		for _, scope := range plugin.Scopes {
			if !slices.Contains(resources, scope) {
				t.Errorf("%s: got scope %s, want one of %v", name, scope, resources)
			}
		}
		for _, arg := range plugin.Args {
			for _, variable := range k9sVariable.FindAllStringSubmatch(arg, -1) {
				if !slices.Contains(k9sVariables, variable[1]) {
					t.Errorf("%s: got $%s, want one of %v", name, variable[1], k9sVariables)
				}
			}
		}
	}
}

// served are the plural names of our kinds.
func served(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../crds/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("got no CRDs, want ours: %v", err)
	}
	var all []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var crd struct {
			Spec struct{ Names struct{ Plural string } }
		}
		if err := yaml.Unmarshal(text, &crd); err != nil {
			t.Fatal(err)
		}
		all = append(all, crd.Spec.Names.Plural)
	}
	return all
}

// diffOfNames are the names of plugins' fields that one text has and the other has not.
func diffOfNames(t *testing.T, text, known string) (foreign []string) {
	t.Helper()
	type raw struct{ Plugins map[string]map[string]any }
	var have, want raw
	if err := errors.Join(yaml.Unmarshal([]byte(text), &have), yaml.Unmarshal([]byte(known), &want)); err != nil {
		t.Fatal(err)
	}
	for plugin, fields := range have.Plugins {
		for name := range fields {
			if _, ok := want.Plugins[plugin][name]; !ok {
				foreign = append(foreign, plugin+"."+name)
			}
		}
	}
	return foreign
}
