package dialecttest

import (
	"os"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
)

// Row is a case of a dialect's table of what is denied.
type Row interface {
	// Title is what the case is about, in one sentence.
	Title() string
	// Plan is what is understood of its object.
	Plan(t *testing.T) (*plan.Plan, field.ErrorList)
	// Policy is what that is judged by.
	Policy() (policy.Namespace, policy.Settings)
}

// Rows reads a table: the documents of a YAML file, once its texts are replaced.
func Rows[R Row](t *testing.T, file string, texts *strings.Replacer) (all []R) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for part := range strings.SplitSeq(texts.Replace(string(text)), "\n---\n") {
		var r R
		if err := yaml.UnmarshalStrict([]byte(part), &r); err != nil || r.Title() == "" {
			t.Fatalf("%v in:\n%s", err, part)
		}
		all = append(all, r)
	}
	return all
}

// Judged is a table with all that is said of each case.
func Judged[R Row](t *testing.T, rows []R) string {
	t.Helper()
	var all strings.Builder
	for _, r := range rows {
		all.WriteString(r.Title() + "\n")
		p, errs := r.Plan(t)
		for _, line := range said(p, errs, r) {
			all.WriteString("  " + line + "\n")
		}
	}
	return all.String()
}

// said is what denies a case, what it lacks, and what it is warned of.
func said(p *plan.Plan, errs field.ErrorList, r Row) (said []string) {
	for _, err := range errs {
		verdict := "denied: "
		if dialect.IsMissing(err) {
			verdict = "missing: "
		}
		said = append(said, verdict+err.Error())
	}
	if p != nil {
		ns, settings := r.Policy()
		for _, err := range policy.Check(p, ns, settings).Errors() {
			said = append(said, "denied: "+err.Error())
		}
		for _, warning := range append(p.Warnings, policy.Warnings(p, ns)...) {
			said = append(said, "warned: "+warning)
		}
	}
	if len(said) == 0 {
		said = []string{"permitted"}
	}
	return said
}

// Plans is a table with the whole Plan of each case. None may be denied.
func Plans[R Row](t *testing.T, rows []R) string {
	t.Helper()
	var all strings.Builder
	for _, r := range rows {
		p, errs := r.Plan(t)
		if len(errs) > 0 {
			t.Errorf("%s: %v", r.Title(), errs.ToAggregate())
			continue
		}
		text, err := yaml.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString("# " + r.Title() + "\n" + string(text) + "---\n")
	}
	return all.String()
}

// Core is namespace core with annotations. Keys without a prefix are Secretgate's own.
func Core(annotations map[string]string) policy.Namespace {
	ns := policy.Namespace{Name: "core", Annotations: map[string]string{}}
	for key, value := range annotations {
		if !strings.Contains(key, "/") {
			key = names.ReservedPrefix + key
		}
		ns.Annotations[key] = value
	}
	return ns
}
