package plan_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/shared/api/secretsmanager/v1alpha1"
	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
	"github.com/secretgate/secretgate/shared/plan"
)

var update = flag.Bool("update", false, "write the golden files of SecretDefinitions anew; look at what changed")

// TestGoldenDefinitions compares the whole Plan, or all errors, of each testdata/definitions/<case>.yaml with <case>.golden.
// The name's first word is the backend.
func TestGoldenDefinitions(t *testing.T) {
	files, err := filepath.Glob("testdata/definitions/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases were found: %v", err)
	}
	installations := map[string]plan.Definitions{
		"vault": {Scope: plan.Scope{Backend: apiv1.BackendVault, Identity: plan.Identity{VaultMount: "approle"}}, KVVersion: 2},
		"kv1": {
			Scope:     plan.Scope{Backend: apiv1.BackendVault, Identity: plan.Identity{VaultMount: "kubernetes", VaultRole: "reader"}},
			KVVersion: 1,
		},
		"azure": {Scope: plan.Scope{Backend: apiv1.BackendAzureKeyVault, KeyVault: "hello-world"}},
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			installation, _, _ := strings.Cut(name, "-")
			got := describe(t, file, installations[installation])
			golden := strings.TrimSuffix(file, ".yaml") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("-want +got (-update accepts it):\n%s", diff)
			}
		})
	}
}

func describe(t *testing.T, file string, where plan.Definitions) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d := &v1alpha1.SecretDefinition{}
	if err := yaml.UnmarshalStrict(text, d); err != nil {
		t.Fatal(err)
	}
	p, errs := plan.FromDefinition(d, where)
	if len(errs) > 0 {
		var lines strings.Builder
		for _, err := range errs {
			lines.WriteString(err.Error() + "\n")
		}
		return lines.String()
	}
	golden, err := yaml.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(golden)
}

// many is a SecretDefinition that reads so many values.
func many(n int) *v1alpha1.SecretDefinition {
	d := &v1alpha1.SecretDefinition{Spec: v1alpha1.SecretDefinitionSpec{Name: "many", KeysMap: map[string]v1alpha1.DataSource{}}}
	for i := range n {
		d.Spec.KeysMap[fmt.Sprint("entry-", i)] = v1alpha1.DataSource{Path: "secret/data/db"}
	}
	return d
}

func TestASecretDefinitionReadsAThousandValuesAndNoMore(t *testing.T) {
	p, errs := plan.FromDefinition(many(1000), plan.Definitions{})
	if len(errs) > 0 || len(p.Entries) != 1000 {
		t.Fatalf("of 1000 entries: %v", errs)
	}
	p, errs = plan.FromDefinition(many(1001), plan.Definitions{})
	if diff := cmp.Diff("spec.keysMap: Too many: 1001: must have at most 1000 items", errs.ToAggregate().Error()); p != nil || diff != "" {
		t.Error(diff)
	}
}

func TestAKeyThatIsTooLongIsNotRepeated(t *testing.T) {
	d := many(1)
	d.Spec.KeysMap["entry-0"] = v1alpha1.DataSource{Path: "secret/data/db", Key: strings.Repeat("a", 1025)}
	_, errs := plan.FromDefinition(d, plan.Definitions{})
	if diff := cmp.Diff([]string{"spec.keysMap[entry-0].key: Too long: may not be more than 1024 characters"}, problems(errs)); diff != "" {
		t.Error(diff)
	}
}

func TestWhereNothingIsSaidSecretDefinitionsAreReadFromVault(t *testing.T) {
	p, errs := plan.FromDefinition(many(1), plan.Definitions{})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	want := []plan.Source{{Scope: plan.Scope{Backend: apiv1.BackendVault}, Read: plan.Read{Key: "secret/data/db", KVVersion: 2}}}
	if diff := cmp.Diff(want, p.Sources()); diff != "" {
		t.Error(diff)
	}
}
