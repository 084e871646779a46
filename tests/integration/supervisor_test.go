package integration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/supervisor"
)

// The roles that this test program plays for TestSupervisor, beside that of supervisor.Argument.
const (
	roleLeaves   = "start a lab and end"
	roleReleases = "start a lab, release it and end"
)

// play plays a role, and reports whether there is one.
func play(args []string) bool {
	if len(args) < 2 {
		return false
	}
	var err error
	switch args[1] {
	case supervisor.Argument:
		err = supervisor.Run(context.Background())
	case roleLeaves, roleReleases:
		err = startAndEnd(args[2], args[1] == roleReleases)
	default:
		return false
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return true
}

func startAndEnd(dir string, release bool) error {
	s, err := supervisor.Start(lab.Options{Dir: dir, LateVault: true, Progress: os.Stderr})
	if err != nil {
		return err
	}
	if err := s.AwaitLab(context.Background()); err != nil {
		return err
	}
	if release {
		return errors.Join(s.AwaitVault(context.Background()), s.Release())
	}
	return nil
}

// TestSupervisor runs programs that start a lab and end.
func TestSupervisor(t *testing.T) {
	start := func(t *testing.T, role string) (dir string) {
		t.Helper()
		dir = t.TempDir()
		program, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		if said, err := exec.CommandContext(t.Context(), program, role, dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		return dir
	}
	ended := func(t *testing.T, dir string) {
		t.Helper()
		harness.Eventually(t, func() error {
			pid, err := lab.Holder(dir)
			if err == nil && pid != 0 {
				err = fmt.Errorf("process %d holds the lab", pid)
			}
			return err
		})
		for _, name := range []string{"env", "state"} {
			if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
				t.Errorf("got a file %s in the folder of a lab that has ended", name)
			}
		}
	}
	t.Run("a lab ends with the program that started it", func(t *testing.T) {
		ended(t, start(t, roleLeaves))
	})
	t.Run("a lab that was released goes on until it is stopped", func(t *testing.T) {
		dir := start(t, roleReleases)
		pid, err := lab.Holder(dir)
		if err != nil || pid == 0 {
			t.Fatalf("got process %d (%v), want one that holds the lab", pid, err)
		}
		if _, err := os.Stat(filepath.Join(dir, "env")); err != nil {
			t.Error(err)
		}
		if err := supervisor.Stop(t.Context(), dir, pid); err != nil {
			t.Fatal(err)
		}
		ended(t, dir)
	})
}
