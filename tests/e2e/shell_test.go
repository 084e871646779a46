package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// shell is bash as a user of the lab has it: kubectl, vault and our own programs in PATH, a folder of its own, and a namespace.
type shell struct {
	folder string
	env    []string
}

// newShell makes one whose kubectl works in a namespace. Programs of the folders that are given come first in PATH.
func newShell(t *testing.T, namespace string, programs ...string) *shell {
	t.Helper()
	folder, home := t.TempDir(), t.TempDir()
	config, err := os.ReadFile(theLab.Kubeconfig)
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
	for _, programs := range append(programs, theLab.Bin, theLab.VaultBin, filepath.Join(theLab.Root, "bin"), filepath.Join(theLab.Root, ".cache", "tools")) {
		path += programs + string(os.PathListSeparator)
	}
	s := &shell{folder: folder, env: []string{
		"PATH=" + path + os.Getenv("PATH"), "HOME=" + home, "KUBECONFIG=" + kubeconfig, "KUBERC=off",
		"VAULT_ADDR=" + theLab.VaultAddr, "VAULT_TOKEN=" + theLab.VaultToken,
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
