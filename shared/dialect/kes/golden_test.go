package kes_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/dialect/kes"
	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
)

const golden = "testdata/cases"

// expected is expected.yaml of a case.
type expected struct {
	// Verdict is allowed or denied.
	Verdict string `json:"verdict"`
	// Errors are all that is wrong with the object, in the webhook's order. The syncer says the first of them.
	Errors []string `json:"errors,omitempty"`
	// Reason is that of condition Ready where a denied object was stored while the webhook was bypassed.
	Reason plan.Reason `json:"reason,omitempty"`
	// Warnings are for the client that applies the object, besides those of its deprecated fields.
	Warnings []string `json:"warnings,omitempty"`
	// Schema is part of the API server's answer where the CRD rejects the object before a webhook is asked.
	Schema string `json:"schema,omitempty"`
}

// installation is that of the lab, whose end-to-end tests run the same folder.
func installation() (policy.Settings, *kes.Installation) {
	return policy.Settings{}, &kes.Installation{Defaults: backend.Defaults{Region: "us-west-2"}, MinRefreshInterval: 10 * time.Second}
}

var update = flag.Bool("update", false, "write expected.yaml anew; look at what changed")

func TestGoldenCases(t *testing.T) {
	cases, err := os.ReadDir(golden)
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) == 0 {
		t.Fatal("no cases were found")
	}
	for _, c := range cases {
		t.Run(c.Name(), func(t *testing.T) {
			file := filepath.Join(golden, c.Name(), "expected.yaml")
			var want expected
			if err := read(file, &want); err != nil && (!*update || !errors.Is(err, os.ErrNotExist)) {
				t.Fatal(err)
			}
			got := judge(t, filepath.Join(golden, c.Name()))
			got.Schema = want.Schema // the API server's business
			if *update {
				write(t, file, got)
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got (-update accepts it):\n%s", diff)
			}
		})
	}
}

// judge does what both services do with an object of this namespace.
func judge(t *testing.T, dir string) expected {
	t.Helper()
	es, ns := &apiv1.ExternalSecret{}, &metav1.PartialObjectMetadata{}
	if err := errors.Join(read(filepath.Join(dir, "object.yaml"), es), read(filepath.Join(dir, "namespace.yaml"), ns)); err != nil {
		t.Fatal(err)
	}
	es.Namespace = ns.Name
	settings, dialect := installation()
	p, errs := dialect.Plan(es, nil)
	understood := len(errs) == 0
	if p != nil {
		errs = append(errs, policy.Check(p, policy.Namespace{Name: ns.Name, Annotations: ns.Annotations}, settings).Errors()...)
	}
	var got expected
	for _, err := range errs {
		got.Errors = append(got.Errors, err.Error())
	}
	switch {
	case !understood:
		got.Verdict, got.Reason = "denied", plan.ReasonInvalidSpec
	case len(errs) > 0:
		got.Verdict, got.Reason = "denied", plan.ReasonPolicyDenied
	default:
		got.Verdict, got.Warnings = "allowed", p.Warnings
	}
	return got
}

func read(file string, into any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return yaml.UnmarshalStrict(text, into)
}

// write leaves no line of text wrapped, so that it can be searched for.
func write(t *testing.T, file string, content expected) {
	t.Helper()
	var b strings.Builder
	quote := func(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'\n" }
	list := func(name string, texts []string) {
		for i, text := range texts {
			if i == 0 {
				b.WriteString(name + ":\n")
			}
			b.WriteString("- " + quote(text))
		}
	}
	b.WriteString("verdict: " + content.Verdict + "\n")
	if content.Reason != "" {
		b.WriteString("reason: " + string(content.Reason) + "\n")
	}
	if content.Schema != "" {
		b.WriteString("schema: " + quote(content.Schema))
	}
	list("errors", content.Errors)
	list("warnings", content.Warnings)
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}
