package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/secretgate/secretgate/tests/lab"
)

// shell is bash as a user of the lab has it: kubectl, vault and our own programs in PATH, a folder of its own, and a namespace.
type shell struct {
	folder string
	env    []string
}

// newShell makes one whose kubectl works in a namespace. Programs of the folders that are given come first in PATH.
func newShell(t *testing.T, namespace string, programs ...string) *shell {
	t.Helper()
	return newShellOf(t, theLab, namespace, programs...)
}

// newShellOf is newShell in another lab.
func newShellOf(t *testing.T, l *lab.Lab, namespace string, programs ...string) *shell {
	t.Helper()
	folder, home := t.TempDir(), t.TempDir()
	config, err := os.ReadFile(l.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig := filepath.Join(home, ".kube", "config")
	if err := os.Mkdir(filepath.Dir(kubeconfig), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(kubeconfig, config, 0o600); err != nil {
		t.Fatal(err)
	}
	path := ""
	for _, programs := range append(programs, l.Bin, l.VaultBin, filepath.Join(l.Root, "bin"), filepath.Join(l.Root, ".cache", "tools")) {
		path += programs + string(os.PathListSeparator)
	}
	s := &shell{folder: folder, env: []string{
		"PATH=" + path + os.Getenv("PATH"), "HOME=" + home, "KUBECONFIG=" + kubeconfig, "KUBERC=off",
		"VAULT_ADDR=" + l.VaultAddr, "VAULT_TOKEN=" + l.VaultToken,
	}}
	if said, err := s.run(t.Context(), "kubectl config set-context --current --namespace="+namespace); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	return s
}

// run runs a script and returns all that it prints. A command that fails ends it.
func (s *shell) run(ctx context.Context, script string) (printed string, err error) {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, "bash", "-eu", "-o", "pipefail", "-c", script)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = s.folder, s.env, &out, &out
	cmd.WaitDelay = time.Second
	err = cmd.Run()
	return out.String(), err
}
