package node

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
)

// stageVariable tells this program, which starts itself twice, how far in it is.
const stageVariable = "SECRETGATE_NODE_STAGE"

// Inside says whether this process lives in the namespaces of a cluster.
func Inside() bool { return os.Getenv(stageVariable) == "inside" }

// Isolate runs this program once more, with the same arguments, in namespaces of its own (network, mounts, processes, host
// name, IPC), and answers its exit code. Whatever happens to either, nothing of what ran inside is left: not a process, not
// a mount, not a rule of the firewall. Inside, it must not be called.
//
// The first process of the namespaces only collects the processes that lost their parents, as containers' do; the second one
// is this program as it knows itself.
func Isolate() (code int, err error) {
	if os.Getenv(stageVariable) == "init" {
		return initProcess()
	}
	if os.Geteuid() != 0 {
		return 0, errRoot
	}
	sweepCgroups()
	group := cgroupPrefix + strconv.Itoa(os.Getpid())
	defer removeCgroup(group)
	cmd := self("init", cgroupVariable+"="+group)
	cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID |
		syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC
	code, err = run(cmd)
	if err != nil {
		return 0, fmt.Errorf("a cluster's namespaces cannot be made: %w", err)
	}
	return code, nil
}

// self is this program, to be started as another stage of itself.
func self(stage string, env ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...) //nolint:noctx // it is told to stop by signals
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(append(os.Environ(), stageVariable+"="+stage), env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// run starts the command, hands it the signals that ask to end, and answers its exit code.
func run(cmd *exec.Cmd) (int, error) {
	// The death signal comes when the thread ends that started the process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	go pass(signals, cmd.Process)
	err := cmd.Wait()
	if exit := new(exec.ExitError); err == nil || errors.As(err, &exit) {
		return cmd.ProcessState.ExitCode(), nil
	}
	return 0, err
}

func pass(signals <-chan os.Signal, process *os.Process) {
	for s := range signals {
		_ = process.Signal(s)
	}
}

// initProcess is the first process of the namespaces.
func initProcess() (int, error) {
	// Nothing that is mounted here reaches the machine; and /proc must show the processes of in here.
	if err := errors.Join(
		syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""),
		syscall.Mount("proc", "/proc", "proc", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC, ""),
	); err != nil {
		return 0, fmt.Errorf("a cluster's /proc cannot be mounted: %w", err)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	cmd := self("inside")
	// A Ctrl-C reaches the outermost process, which passes it on once.
	cmd.SysProcAttr.Setpgid = true
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	go pass(signals, cmd.Process)
	return collect(cmd.Process.Pid)
}

// collect waits for every child that there is, until the one with this id ends, and answers its exit code.
func collect(pid int) (int, error) {
	for {
		var status syscall.WaitStatus
		ended, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return 0, err
		case ended == pid && status.Exited():
			return status.ExitStatus(), nil
		case ended == pid:
			return 128 + int(status.Signal()), nil
		}
	}
}
