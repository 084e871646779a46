package worker

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"github.com/landlock-lsm/go-landlock/landlock"
	"golang.org/x/sys/unix"
)

const (
	// moreMemory is how much a worker may grow. Its parent sees only so often how large it is.
	moreMemory = 128 << 20
	// lifetime is the processor time, in seconds, after which the kernel ends a worker whose parent did not.
	lifetime = 60
)

// confine takes all rights from the process that it does not need to compute. What the kernel lacks is left out, but for the limits,
// which each has.
func confine() error {
	data, all, err := sizes()
	if err != nil {
		return fmt.Errorf("the size of the worker is not known: %w", err)
	}
	// It is the first to go where memory is short.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
	if err := closeOthers(); err != nil {
		return fmt.Errorf("the worker's descriptors cannot be closed: %w", err)
	}
	if err := landlock.V8.BestEffort().Restrict(); err != nil {
		return fmt.Errorf("the kernel's Landlock refuses the worker's rules: %w", err)
	}
	for resource, limit := range map[int]uint64{
		unix.RLIMIT_CORE:   0,
		unix.RLIMIT_FSIZE:  0,
		unix.RLIMIT_NOFILE: 0, // no more than there are
		unix.RLIMIT_DATA:   data + moreMemory,
		unix.RLIMIT_AS:     all + moreMemory, // Linux does not count data that takes the place of reserved addresses before there are too many
		unix.RLIMIT_CPU:    lifetime,
	} {
		if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: limit, Max: limit}); err != nil {
			return fmt.Errorf("limit %d cannot be set: %w", resource, err)
		}
	}
	// No other process may look into this one.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("the worker cannot be closed to others: %w", err)
	}
	if !seccomp.Supported() {
		return nil
	}
	if err := seccomp.LoadFilter(calls); err != nil {
		return fmt.Errorf("seccomp refuses the worker's filter: %w", err)
	}
	return nil
}

// closeOthers closes all descriptors but the two pipes, and what Go waits for events with.
func closeOthers() error {
	const open = "/proc/self/fd"
	entries, err := os.ReadDir(open)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		descriptor, err := strconv.Atoi(entry.Name())
		kind, _ := os.Readlink(filepath.Join(open, entry.Name())) // that of the folder itself is closed already
		if err == nil && descriptor > 1 && kind != "" && !strings.HasPrefix(kind, "anon_inode:[event") {
			if err := unix.Close(descriptor); err != nil && !errors.Is(err, unix.EBADF) {
				return err
			}
		}
	}
	return nil
}

// calls are what Go needs to compute, to wait, and to read and write what is open. Threads may begin, processes may not. Anything else
// fails, which ends what asked for it.
var calls = seccomp.Filter{
	NoNewPrivs: true,
	Flag:       seccomp.FilterFlagTSync,
	Policy: seccomp.Policy{
		DefaultAction: seccomp.ActionErrno,
		Syscalls: []seccomp.SyscallGroup{{
			Action: seccomp.ActionAllow,
			Names: []string{
				"read", "write", "close", "exit", "exit_group", "futex", "nanosleep", "clock_nanosleep", "clock_gettime", "getrusage",
				"mmap", "munmap", "mprotect", "madvise", "mincore", "sigaltstack", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn",
				"sched_yield", "sched_getaffinity", "gettid", "getpid", "tgkill", "set_robust_list", "rseq", "restart_syscall",
				"epoll_pwait", "getrandom",
			},
			NamesWithCondtions: []seccomp.NameWithConditions{{
				Name: "clone", Conditions: seccomp.ArgumentConditions{{Argument: 0, Operation: seccomp.BitsSet, Value: unix.CLONE_THREAD}},
			}},
		}},
	},
}

// sizes are how large the process's data are, and all its addresses, as its limits count them.
func sizes() (data, all uint64, err error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, 0, err
	}
	data, err = statusField(string(status), "VmData:")
	if err != nil {
		return 0, 0, err
	}
	all, err = statusField(string(status), "VmSize:")
	return data << 10, all << 10, err
}

// statusField reads a field, in KiB, of a process's status.
func statusField(status, field string) (kib uint64, err error) {
	_, rest, found := strings.Cut(status, field)
	words := strings.Fields(rest)
	if !found || len(words) == 0 {
		return 0, fmt.Errorf("the status of the process lacks %s", field)
	}
	return strconv.ParseUint(words[0], 10, 64)
}

// processorTime is what this process has used.
func processorTime() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage) // it cannot fail
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
