// Package process runs the lab's servers as child processes that cannot outlive the lab.
package process

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

// Command says what to run. Name, Path and Log are required.
type Command struct {
	Name string // as messages call it
	Path string
	Args []string
	// Env is the whole environment, as NAME=value; a child inherits nothing else.
	Env []string
	// Log is the file that receives standard output and error; it is appended to and only its owner reads it.
	Log string
	// Grace is the time between SIGTERM and SIGKILL in Stop; 0 means ten seconds.
	Grace time.Duration
}

// Process is a child that was started.
type Process struct {
	command Command
	cmd     *exec.Cmd
	done    chan struct{}
	asked   atomic.Bool
	err     error // how it ended; read it after done is closed
}

// Start starts the child in a process group of its own, so that a Ctrl-C in the terminal reaches the lab alone, which then
// stops its servers in order. On Linux the kernel kills the child when the lab dies, however that happens.
func Start(command Command) (*Process, error) {
	log, err := os.OpenFile(command.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%s: its log file cannot be opened: %w", command.Name, err)
	}
	defer func() { _ = log.Close() }()

	cmd := exec.Command(command.Path, command.Args...) //nolint:noctx // it lives until Stop
	cmd.Env = append([]string{}, command.Env...)       // nil would mean: inherit
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = attributes()

	p := &Process{command: command, cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go p.run(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("%s: it cannot be started: %w", command.Name, err)
	}
	return p, nil
}

// run keeps its thread for as long as the child lives: Linux sends the death signal when the thread that started the child
// ends, and a thread of the Go scheduler may end before the program does.
func (p *Process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	if err := p.cmd.Start(); err != nil {
		started <- err
		return
	}
	started <- nil
	p.err = p.cmd.Wait()
	// What the child itself started (Vault's plugins) is in its process group.
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	close(p.done)
}

// Name is what messages call the child.
func (p *Process) Name() string { return p.command.Name }

// PID is the child's process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the child has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says how the child ended, naming its log; it waits for the end.
func (p *Process) Err() error {
	<-p.done
	how := "exit status 0"
	if p.err != nil {
		how = p.err.Error()
	}
	return fmt.Errorf("%s ended (%s): see %s", p.command.Name, how, p.command.Log)
}

// Succeeded waits for the end of the child and reports whether its exit status was 0.
func (p *Process) Succeeded() bool {
	<-p.done
	return p.err == nil
}

// Stop asks the child to end, and kills it when it takes longer than its grace. It returns when the child has ended.
func (p *Process) Stop() {
	p.end(func(pid int) { _ = syscall.Kill(pid, syscall.SIGTERM) })
}

// Interrupt is Stop for a child that has children of its own: like Ctrl-C in a terminal, it reaches all of them.
func (p *Process) Interrupt() {
	p.end(func(pid int) { _ = syscall.Kill(-pid, syscall.SIGINT) })
}

func (p *Process) end(signal func(pid int)) {
	p.asked.Store(true)
	grace := p.command.Grace
	if grace == 0 {
		grace = 10 * time.Second
	}
	select {
	case <-p.done: // its process id may be another's by now
		return
	default:
		signal(p.cmd.Process.Pid)
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
		return
	case <-timer.C:
	}
	_ = p.cmd.Process.Kill()
	<-p.done
}

// Kill ends the child as a crash does: it is told nothing. It returns when the child has ended.
func (p *Process) Kill() {
	p.asked.Store(true)
	_ = p.cmd.Process.Kill() // fails when it has ended
	<-p.done
}

// Asked says whether Stop or Kill was called, so that an end is no surprise.
func (p *Process) Asked() bool { return p.asked.Load() }

// Await calls check, at first often, until it answers nil. It gives up when the child ends, when ctx does, and after limit.
func (p *Process) Await(ctx context.Context, limit time.Duration, check func(context.Context) error) error {
	const slowest = 250 * time.Millisecond
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("gave up after %s", limit))
	defer cancel()
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, slowest) {
		last := check(ctx)
		if last == nil {
			return nil
		}
		select {
		case <-p.done:
			return p.Err()
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w (its last answer: %v): see %s",
				p.command.Name, context.Cause(ctx), last, p.command.Log) //nolint:errorlint // only the cause is an error to act on
		case <-time.After(pause):
		}
	}
}
