package interop

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// ungrouped is a command that finds the objects of the External Secrets Operator where its CRD is in the cluster, too: of two groups
// kubectl takes the first by name.
var ungrouped = regexp.MustCompile("kubectl[^|`\n]*[ ,\"](es|externalsecrets?)[ ,/`\"\n]")

// TestCommandsNameTheGroup looks at every command that people are told to use: in documents, alerts, the demo and our messages.
func TestCommandsNameTheGroup(t *testing.T) {
	seen := 0
	for _, root := range []string{"README.md", ".github", "kustomize", "manifests", "webhook", "syncer", "shared", "tests/demo"} {
		err := filepath.WalkDir(filepath.Join("..", "..", root), func(path string, item fs.DirEntry, err error) error {
			if err != nil || item.IsDir() || !slices.Contains([]string{".md", ".yaml", ".yml", ".json", ".go"}, filepath.Ext(path)) {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			seen++
			for _, command := range ungrouped.FindAll(text, -1) {
				t.Errorf("%s: %q: write externalsecrets.kubernetes-client.io", path, command)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 100 {
		t.Errorf("got %d files, want all", seen)
	}
}

func TestCommandsWithoutTheGroupAreFound(t *testing.T) {
	for command, want := range map[string]bool{
		"kubectl get es -A":                                                    true,
		"`kubectl describe externalsecret`":                                    true,
		"kubectl get externalsecrets,secrets":                                  true,
		`kubectl(ctx, "get", "externalsecrets")`:                               true,
		"kubectl wait es/a":                                                    true,
		"kubectl get externalsecrets.kubernetes-client.io -A":                  false,
		"kubectl explain externalsecrets.spec":                                 false,
		"kubectl get crd externalsecrets.kubernetes-client.io, not `es` alone": false,
	} {
		if got := ungrouped.MatchString(command + "\n"); got != want {
			t.Errorf("%s: got %v, want %v", command, got, want)
		}
	}
}
