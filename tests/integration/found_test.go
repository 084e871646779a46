package integration

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/servers"
)

// TestLabOfServersOfThisMachine installs servers as users have them: etcd, kube-apiserver and kubectl where envtest keeps them,
// and Vault in PATH. They are the lab's own builds under other names.
func TestLabOfServersOfThisMachine(t *testing.T) {
	assets, folder := t.TempDir(), t.TempDir()
	want := install(t, assets, folder)
	t.Setenv("KUBEBUILDER_ASSETS", assets)
	t.Setenv("PATH", folder+string(filepath.ListSeparator)+os.Getenv("PATH"))
	t.Setenv("LAB_SERVERS", "")
	t.Setenv("LAB_KUBERNETES", "")
	options := lab.Options{Dir: t.TempDir(), Progress: t.Output(), LateVault: true}
	var said strings.Builder
	if err := options.UseFound(t.Context(), &said); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, options.Servers); diff != "" {
		t.Fatalf("found (-want +got):\n%s\n%s", diff, said.String())
	}
	l, err := lab.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Stop()

	t.Run("kubectl is the one that was found", func(t *testing.T) {
		if l.Bin != assets {
			t.Errorf("got the folder %s, want %s", l.Bin, assets)
		}
		seesNamespace(t, l)
	})
	t.Run("nothing answers as Vault before it is started", func(t *testing.T) {
		if _, err := lab.Get(t.Context(), l.VaultAddr+"/v1/sys/health"); err == nil {
			t.Error("Vault answers")
		}
	})
	if err := l.StartVault(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Run("the syncer's own token opens both kinds of Vault's engine", func(t *testing.T) { logsIn(t, l) })
	t.Run("nothing is written beside what was found", func(t *testing.T) {
		got := append(entries(t, assets), entries(t, folder)...)
		if diff := cmp.Diff([]string{"etcd", "kube-apiserver", "kubectl", "vault"}, got); diff != "" {
			t.Errorf("files (-want +got):\n%s", diff)
		}
	})
}

// install links the lab's own builds into folders, and answers where they are by name.
func install(t *testing.T, assets, folder string) map[string]string {
	t.Helper()
	root, err := lab.FindRoot()
	if err != nil {
		t.Fatal(err)
	}
	builder := servers.Builder{Source: filepath.Join(root, "tests", "lab", "servers"), Cache: filepath.Join(root, ".cache", "lab"), Progress: t.Output()}
	built, err := builder.Build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]string{
		"etcd":           filepath.Join(assets, "etcd"),
		"kube-apiserver": filepath.Join(assets, "kube-apiserver"),
		"kubectl":        filepath.Join(assets, "kubectl"),
		"vault":          filepath.Join(folder, "vault"),
	}
	for name, program := range map[string]string{
		"etcd": built.Etcd, "kube-apiserver": built.APIServer, "kubectl": built.Kubectl, "vault": built.Vault,
	} {
		if err := os.Symlink(program, at[name]); err != nil {
			t.Fatal(err)
		}
	}
	return at
}

func entries(t *testing.T, folder string) []string {
	t.Helper()
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		names = append(names, file.Name())
	}
	slices.Sort(names)
	return names
}
