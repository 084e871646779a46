package docs

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/tests/docs/fence"
)

// marks are the second words of fenced blocks, by language: which test takes them. README.md of tests says what each proves.
var marks = map[string][]string{
	"sh":   {"lab", "cloud", "make", "cluster", "release"}, // tests/e2e/commands_test.go; make: TestTargetsOfPagesExist; see walked, too
	"yaml": {"", "config", "hook"},                         // tests/e2e/manifests_test.go
}

// walked are the pages whose blocks a test runs one after the other, by mark: tests/cluster/newcomer_test.go, tests/release/page_test.go.
var walked = map[string][]string{
	"cluster": {"README.md", "kustomize/docs/install.md"},
	"release": {"kustomize/docs/verify.md"},
}

// shown are the pages whose console blocks a test compares with what is printed, by the test's file.
var shown = map[string]string{
	"README.md": "tests/e2e/commands_test.go",
	"kustomize/docs/examples/multi-tenant/README.md": "tests/e2e/examples_test.go",
	"kustomize/docs/rejections.md":                   "tests/e2e/gallery_test.go",
	"kustomize/docs/troubleshooting.md":              "tests/e2e/troubleshooting_test.go",
	"webhook/cli/README.md":                          "webhook/cli/cli_test.go",
	"webhook/README.md":                              "tests/e2e/gallery_test.go, tests/e2e/commands_test.go",
}

// TestEveryCommandIsRun refuses a block of commands that no test runs.
func TestEveryCommandIsRun(t *testing.T) {
	blocks, err := fence.All(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(blocks) < 100 {
		t.Errorf("got %d blocks, want all of the repository", len(blocks))
	}
	for _, b := range blocks {
		if problem := unrun(b); problem != "" {
			t.Errorf("%s: %s", b, problem)
		}
	}
}

// command is the beginning of a line that a reader would type.
var command = regexp.MustCompile(`(?m)^(\$ |(kubectl|make|git|vault|aws|eksctl|gcloud|az|aliyun|skopeo|docker|helm|export|bin/\w+|webhook|syncer|for) )`)

// unrun says why no test takes a block; empty: one does.
func unrun(b fence.Block) string {
	known, marked := marks[b.Language]
	switch {
	case b.Indented:
		return "got an indented block, want a fenced one with a language"
	case marked && !slices.Contains(known, b.Mark):
		return "got a block of " + b.Language + " marked \"" + b.Mark + "\", want one of " + strings.Join(known, ", ") + ": tests/README.md says what each means"
	case walked[b.Mark] != nil && !slices.Contains(walked[b.Mark], b.Page):
		return "got a block marked \"" + b.Mark + "\" on a page that no test walks, want one of " + strings.Join(walked[b.Mark], ", ")
	case b.Language == "console" && shown[b.Page] == "":
		return "got a block of output on a page whose output no test compares, want a test, and a line in shown"
	case !marked && b.Language != "console" && command.MatchString(b.Text):
		return "got commands in a block of language \"" + b.Language + "\", want sh and a mark, or console"
	}
	return ""
}

// TestJSONOfPagesIsJSON reads each block of JSON: policies of IAM, mostly, which users copy.
func TestJSONOfPagesIsJSON(t *testing.T) {
	blocks, err := fence.All(root)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, b := range blocks {
		if b.Language != "json" {
			continue
		}
		seen++
		if !json.Valid([]byte(b.Text)) {
			t.Errorf("%s: got what is no JSON, want a document:\n%s", b, b.Text)
		}
	}
	if seen == 0 {
		t.Error("got no block of JSON, want those of the backends' pages")
	}
}

func TestBlocksThatNoTestRunsAreFound(t *testing.T) {
	for text, want := range map[string]bool{
		"```sh lab\nkubectl get pods\n```\n":       true,
		"```sh cloud\naws sts whoami\n```\n":       true,
		"```sh cluster\nkubectl get pods\n```\n":   false,
		"```sh\nkubectl get pods\n```\n":           false,
		"```sh never\nkubectl get pods\n```\n":     false,
		"```\nkubectl get pods\n```\n":             false,
		"```text\n$ kubectl get pods\n```\n":       false,
		"```console\n$ kubectl get pods\n```\n":    false,
		"text\n\n    kubectl get pods\n":           false,
		"1. item\n\n   ```\n   make all\n   ```\n": false,
		"```text\na picture\n```\n":                true,
		"```yaml\na: b\n```\n":                     true,
		"```yaml nonsense\na: b\n```\n":            false,
	} {
		blocks := fence.Read("page.md", []byte(text))
		if len(blocks) != 1 {
			t.Fatalf("got %d blocks of %q, want one", len(blocks), text)
		}
		if got := unrun(blocks[0]); (got == "") != want {
			t.Errorf("%q: got %q, want it to pass: %v", text, got, want)
		}
	}
}
