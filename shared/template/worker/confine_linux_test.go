package worker

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	seccomp "github.com/elastic/go-seccomp-bpf"
)

// TestAWorkerHoldsNothing looks at a worker from outside.
func TestAWorkerHoldsNothing(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "planted")
	inherited, err := syscall.Dup(2) // a descriptor that is not closed when a program starts
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Close(inherited) }()
	p, err := start(t.Context(), "/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer p.kill()
	process := fmt.Sprintf("/proc/%d/", p.command.Process.Pid)
	environment, err := os.ReadFile(process + "environ")
	if err != nil || string(environment) != oneArena+"\x00" {
		t.Errorf("got an environment of %d bytes (%v), want %s alone", len(environment), err, oneArena)
	}
	descriptors, err := filepath.Glob(process + "fd/*")
	if err != nil || len(descriptors) < 2 {
		t.Fatalf("got the descriptors %q (%v), want its pipes", descriptors, err)
	}
	for i, descriptor := range descriptors {
		kind, err := os.Readlink(descriptor)
		if i < 2 && !strings.HasPrefix(kind, "pipe:") || i >= 2 && !strings.HasPrefix(kind, "anon_inode:[event") || err != nil {
			t.Errorf("got the descriptor %s of %q (%v), want two pipes, and what Go waits with", descriptor, kind, err)
		}
	}
	status, limits := read(t, process+"status"), read(t, process+"limits")
	want := map[string]string{"NoNewPrivs": "1"}
	if seccomp.Supported() {
		want["Seccomp"] = "2"
	}
	for field, value := range want {
		if !regexp.MustCompile(`(?m)^` + field + `:\s+` + value + `$`).MatchString(status) {
			t.Errorf("the process's %s is not %s", field, value)
		}
	}
	for limit, value := range map[string]string{
		"Max cpu time": "60 +60", "Max file size": "0 +0", "Max core file size": "0 +0", "Max open files": "0 +0", "Max data size": `\d+ +\d+`,
		"Max address space": `\d+ +\d+`,
	} {
		if !regexp.MustCompile(`(?m)^` + limit + ` +` + value).MatchString(limits) {
			t.Errorf("got the limits\n%s\nwant %s %s", limits, limit, value)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
