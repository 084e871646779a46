package e2e

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/tests/docs/fence"
	"github.com/secretgate/secretgate/tests/lab"
)

// placeholders are what users replace, and what the lab has in its place.
func placeholders() *strings.Replacer {
	return strings.NewReplacer("https://vault.example.com:8200", theLab.VaultAddr)
}

// pagesOfDialects have tests of their own.
var pagesOfDialects = []string{esoPage, vsoPage, sealedPage}

// TestCommandsOfPages runs the blocks of commands of every page, as they stand there, in the order of the page, in one folder.
func TestCommandsOfPages(t *testing.T) {
	t.Parallel()
	all, err := fence.All(theLab.Root)
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string][]fence.Block{}
	for _, b := range all {
		if (isCommands(b) || isOverlay(b)) && !strings.HasPrefix(b.Page, examples) && !slices.Contains(pagesOfDialects, b.Page) {
			pages[b.Page] = append(pages[b.Page], b)
		}
	}
	for page, blocks := range pages {
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			runPage(t, page, blocks)
		})
	}
}

// isCommands reports whether a block is one of commands that the lab runs. Others are walked by tests/cluster and tests/release.
func isCommands(b fence.Block) bool {
	return b.Language == "sh" && b.Mark != "cluster" && b.Mark != "release"
}

// isOverlay reports whether a block is a kustomization.yaml beside a checkout.
func isOverlay(b fence.Block) bool {
	return b.Language == "yaml" && strings.HasPrefix(b.Text, "resources: [secretgate/")
}

func runPage(t *testing.T, page string, blocks []fence.Block) {
	t.Helper()
	namespace := newNamespace(t, nil)
	programs, calls := standIns(t)
	s := newShell(t, namespace, programs)
	s.addCheckout(t)
	if prepare := preparations[page]; prepare != nil {
		prepare(t, s, namespace)
	}
	s.runBlocks(t, blocks, placeholders(), calls)
}

// addCheckout puts the checkout, and its programs, where pages have them.
func (s *shell) addCheckout(t *testing.T) {
	t.Helper()
	for name, target := range map[string]string{"bin": filepath.Join(theLab.Root, "bin"), "secretgate": theLab.Root} {
		if err := os.Symlink(target, filepath.Join(s.folder, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// runBlocks runs a page's blocks in order. A kustomization is a file that later ones find. What is to run on the lab may call no
// stand-in.
func (s *shell) runBlocks(t *testing.T, blocks []fence.Block, replacer *strings.Replacer, calls func() [][]string) {
	t.Helper()
	defer func() { checkCalls(t, s, calls()) }()
	for _, b := range blocks {
		if b.Language == "yaml" {
			s.write(t, "kustomization.yaml", b.Text)
			continue
		}
		script := replacer.Replace(b.Text)
		if b.Page == "kustomize/docs/migration.md" { // its verdict on the objects of other tests is no failure
			script = strings.ReplaceAll(script, " objects.yaml  ", " objects.yaml || [ $? = 1 ] ")
		}
		before := len(calls())
		if said, err := s.run(t.Context(), script); err != nil {
			t.Errorf("%s: got %v, want every command to succeed:\n%s%s", b, err, b.Text, said)
		}
		if made := calls()[before:]; b.Mark == "lab" && len(made) > 0 {
			t.Errorf("%s: got a block marked lab that needs stand-ins, for %q: mark it cloud", b, made)
		}
	}
}

// checkCalls looks at the calls of stand-ins, and at the documents that they name.
func checkCalls(t *testing.T, s *shell, calls [][]string) {
	t.Helper()
	for _, call := range calls {
		if err := check(call); err != nil {
			t.Error(err)
		}
		for _, argument := range call {
			name, isFile := strings.CutPrefix(argument, "file://")
			if !isFile {
				continue
			}
			if text, err := os.ReadFile(filepath.Join(s.folder, name)); err != nil || !json.Valid(text) {
				t.Errorf("%q: got %v and a document of %d bytes, want JSON", call, err, len(text))
			}
		}
	}
}

// preparations are what a page's commands find, by page: what the page said before, in words.
var preparations = map[string]func(t *testing.T, s *shell, namespace string){
	"kustomize/docs/gitops.md": func(t *testing.T, s *shell, _ string) {
		t.Helper()
		s.write(t, "manifests/db.yaml", strings.Replace(object("db", "{data: [{key: a, name: b}]}"), "spec: {", "secretDescriptor: {backendType: secretManager, ", 1))
	},
	"kustomize/docs/install.md": func(t *testing.T, _ *shell, _ string) {
		t.Helper()
		t.Cleanup(func() {
			_, _ = kubectl.Run(context.Background(), "delete", "configmap", "--namespace="+lab.Namespace, "syncer-env")
		})
	},
	"kustomize/docs/troubleshooting.md": func(t *testing.T, _ *shell, namespace string) {
		t.Helper()
		withoutRole(t, "shop-role")
		kubectl.MustApply(t, namespace, object("db", "{backendType: secretsManager, data: [{key: "+namespace+"/db, name: password}]}"))
	},
	"shared/dialect/kes/externalsecret.md": func(t *testing.T, _ *shell, namespace string) {
		t.Helper()
		putAWS(t, namespace+"/password", secretValue())
		kubectl.MustApply(t, namespace, object("hello-service", "{backendType: secretsManager, data: [{key: "+namespace+"/password, name: password}]}"))
	},
	"README.md":                           func(t *testing.T, _ *shell, _ string) { t.Helper(); withoutRole(t, "core") },
	"syncer/backend/hashivault/README.md": func(t *testing.T, _ *shell, _ string) { t.Helper(); withoutRole(t, "team-a") },
}

// withoutRole removes a role of Vault that a page makes.
func withoutRole(t *testing.T, name string) {
	t.Helper()
	t.Cleanup(func() { _, _ = theLab.Vault().Logical().Delete("auth/kubernetes/role/" + name) })
}

// write writes a file in the shell's folder.
func (s *shell) write(t *testing.T, name, text string) {
	t.Helper()
	file := filepath.Join(s.folder, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
