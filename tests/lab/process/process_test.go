package process

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func start(t *testing.T, script string, env ...string) (*Process, string) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "child.log")
	p, err := Start(Command{Name: "child", Path: "/bin/sh", Args: []string{"-c", script}, Env: env, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p, log
}

func TestChildInheritsNothing(t *testing.T) {
	t.Setenv("LAB_PROCESS_TEST", "from the parent")
	p, log := start(t, `echo "[$LAB_PROCESS_TEST][$GIVEN]"`, "GIVEN=yes")
	<-p.Done()
	got, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if want := "[][yes]\n"; string(got) != want {
		t.Errorf("the child printed %q, want %q", got, want)
	}
}

func TestErrNamesTheChildAndItsLog(t *testing.T) {
	p, log := start(t, "exit 3")
	if got, want := p.Err().Error(), "child ended (exit status 3): see "+log; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAwaitGivesUpWhenTheChildEnds(t *testing.T) {
	p, _ := start(t, "exit 3")
	err := p.Await(t.Context(), time.Minute, func(context.Context) error { return errors.New("not yet") })
	if err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("got %v, want an error that says how the child ended", err)
	}
}

func TestAwaitGivesUpAfterItsLimit(t *testing.T) {
	p, log := start(t, "sleep 1000")
	err := p.Await(t.Context(), time.Millisecond, func(context.Context) error { return errors.New("not yet") })
	if want := "child is not ready: gave up after 1ms (its last answer: not yet): see " + log; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestStopEndsWhatTheChildStarted(t *testing.T) {
	p, log := start(t, `sleep 1000 & echo $!; wait`)
	var grandchild string
	err := p.Await(t.Context(), time.Minute, func(context.Context) error {
		text, err := os.ReadFile(log)
		grandchild = strings.TrimSpace(string(text))
		if err == nil && grandchild == "" {
			err = errors.New("nothing printed yet")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	p.Stop()
	// It was killed; the kernel may still be busy with that.
	for alive(grandchild) {
		runtime.Gosched()
	}
}

// alive says whether a process runs; one that only waits for its parent to collect it does not.
func alive(pid string) bool {
	state, err := os.ReadFile("/proc/" + pid + "/stat")
	return err == nil && !strings.Contains(string(state), ") Z ")
}

func TestKilledChildIsToldNothing(t *testing.T) {
	p, log := start(t, `trap 'echo told' TERM; echo up; while :; do sleep 0.1; done`)
	err := p.Await(t.Context(), time.Minute, func(context.Context) error {
		if text, err := os.ReadFile(log); err != nil || string(text) != "up\n" {
			return errors.New("nothing printed yet")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if p.Asked() {
		t.Error("Asked reports true before Kill")
	}
	p.Kill()
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Err().Error(); string(text) != "up\n" || !strings.Contains(got, "signal: killed") || !p.Asked() {
		t.Errorf("it printed %q and %s, asked: %v", text, got, p.Asked())
	}
}

func TestInterruptReachesWhatTheChildStarted(t *testing.T) {
	p, log := start(t, `trap 'echo child; exit' INT; sh -c 'trap "echo grandchild; exit" INT; echo up; while :; do sleep 1; done'; exit`)
	up := func(context.Context) error {
		text, err := os.ReadFile(log)
		if err == nil && !strings.Contains(string(text), "up") {
			err = errors.New("the grandchild is not up")
		}
		return err
	}
	if err := p.Await(t.Context(), time.Minute, up); err != nil {
		t.Fatal(err)
	}
	p.Interrupt()
	got, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if want := "up\ngrandchild\nchild\n"; string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
