package tuenti_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/dialecttest"
	"github.com/secretgate/secretgate/shared/dialect/tuenti"
	"github.com/secretgate/secretgate/shared/dialect/tuenti/v1alpha1"
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
	installations := map[string]tuenti.Where{
		"vault": {Store: plan.Store{Backend: backend.Vault, Mount: "approle"}, EngineVersion: 2},
		"kv1":   {Store: plan.Store{Backend: backend.Vault, Mount: "kubernetes", Role: "reader"}, EngineVersion: 1},
		"azure": {Store: plan.Store{Backend: backend.AzureKeyVault, Container: "hello-world"}},
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			installation, _, _ := strings.Cut(name, "-")
			dialecttest.Golden(t, *update, strings.TrimSuffix(file, ".yaml")+".golden", describe(t, file, installations[installation]))
		})
	}
}

func describe(t *testing.T, file string, where tuenti.Where) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d := &v1alpha1.SecretDefinition{}
	if err := yaml.UnmarshalStrict(text, d); err != nil {
		t.Fatal(err)
	}
	p, errs := understand(d, where)
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

// understand is the Plan of an object that may be fetched, where an installation reads from there.
func understand(d *v1alpha1.SecretDefinition, where tuenti.Where) (*plan.Plan, field.ErrorList) {
	return dialect.ValidPlan(&tuenti.Installation{Where: where}, d, nil)
}

// problems are the texts of errors.
func problems(errs field.ErrorList) []string {
	var texts []string
	for _, err := range errs {
		texts = append(texts, err.Error())
	}
	return texts
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
	p, errs := understand(many(1000), tuenti.Where{})
	if len(errs) > 0 || len(p.Entries) != 1000 {
		t.Fatalf("of 1000 entries: %v", errs)
	}
	p, errs = understand(many(1001), tuenti.Where{})
	if diff := cmp.Diff("spec.keysMap: Too many: 1001: must have at most 1000 items", errs.ToAggregate().Error()); p != nil || diff != "" {
		t.Error(diff)
	}
}

func TestAKeyThatIsTooLongIsNotRepeated(t *testing.T) {
	d := many(1)
	d.Spec.KeysMap["entry-0"] = v1alpha1.DataSource{Path: "secret/data/db", Key: strings.Repeat("a", 1025)}
	_, errs := understand(d, tuenti.Where{})
	if diff := cmp.Diff([]string{"spec.keysMap[entry-0].key: Too long: may not be more than 1024 characters"}, problems(errs)); diff != "" {
		t.Error(diff)
	}
}

func TestWhereNothingIsSaidSecretDefinitionsAreReadFromVault(t *testing.T) {
	p, errs := understand(many(1), tuenti.Where{})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	want := []plan.Source{{Store: plan.Store{Backend: backend.Vault}, Read: plan.Read{Key: "secret/data/db", EngineVersion: 2}}}
	if diff := cmp.Diff(want, p.Sources()); diff != "" {
		t.Error(diff)
	}
}

func TestNoFieldOfASecretDefinitionSaysWhereItIsRead(t *testing.T) {
	store := plan.Store{Backend: backend.Vault, Mount: "approle"}
	for _, n := range []int{0, 1} {
		p, _ := (&tuenti.Installation{Where: tuenti.Where{Store: store}}).Plan(many(n), nil)
		if diff := cmp.Diff(map[plan.Store]plan.Places{store: nil}, p.Places); diff != "" {
			t.Errorf("of %d entries: -want +got:\n%s", n, diff)
		}
	}
}

func TestAKeyInKeyVaultIsWarnedOf(t *testing.T) {
	d := many(1)
	d.Spec.KeysMap["entry-0"] = v1alpha1.DataSource{Path: "db", Key: "password"}
	p, errs := understand(d, tuenti.Where{Store: plan.Store{Backend: backend.AzureKeyVault, Container: "v"}})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	want := []string{"spec.keysMap[entry-0].key has no meaning for Azure Key Vault, whose secrets have no keys, and is ignored: remove it"}
	if diff := cmp.Diff(want, p.Warnings); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
