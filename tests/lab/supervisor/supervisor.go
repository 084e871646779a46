// Package supervisor keeps a lab in a process of its own, which may outlive the program that asked for it.
package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/progress"
)

// Argument is what Start calls its own program with: it then has to call Run.
const Argument = "supervise"

// Supervisor is a lab in another process, as the program sees it that started it.
type Supervisor struct {
	dir     string
	cmd     *exec.Cmd
	in      io.WriteCloser
	reached map[stage]chan struct{}
	ended   chan struct{} // it says nothing any more: the lab is up as a whole, or the process has ended

	mu      sync.Mutex
	shower  io.Writer // nil: what is said is kept for later
	kept    []string
	showing string
}

// Start starts this program again with Argument, in a session of its own, so that a Ctrl-C in the terminal does not reach it,
// and has it start a lab. What it says goes to options.Progress.
func Start(options lab.Options) (*Supervisor, error) {
	s := &Supervisor{
		dir: options.Dir, shower: options.Progress, ended: make(chan struct{}),
		reached: map[stage]chan struct{}{labUp: make(chan struct{}), vaultUp: make(chan struct{})},
	}
	out, err := s.spawn(options)
	if err != nil {
		return nil, fmt.Errorf("the lab's supervisor cannot be started: %w", err)
	}
	go s.listen(out)
	return s, nil
}

func (s *Supervisor) spawn(options lab.Options) (out io.Reader, err error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(filepath.Join(s.dir, "supervisor.log"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	s.cmd = exec.Command(program, Argument) //nolint:noctx // it outlives this process
	s.cmd.Dir = options.Root
	s.cmd.Stderr = log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if out, err = s.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	return out, json.NewEncoder(s.in).Encode(options)
}

func (s *Supervisor) listen(out io.Reader) {
	defer close(s.ended)
	for events := json.NewDecoder(out); ; {
		var e event
		if err := events.Decode(&e); err != nil {
			return
		}
		if reached := s.reached[e.Reached]; reached != nil {
			close(reached)
		}
		s.show(e)
	}
}

func (s *Supervisor) show(e event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.showing = e.Showing
	switch {
	case e.Line != "" && s.shower == nil:
		s.kept = append(s.kept, e.Line)
	case e.Line != "":
		_, _ = io.WriteString(s.shower, e.Line)
	case e.Showing != "" && s.shower != nil:
		progress.Show(s.shower, e.Showing)
	}
}

// ShowTo has what the supervisor says shown by w, from what it said last; nil keeps it for later.
func (s *Supervisor) ShowTo(w io.Writer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shower = w
	if w == nil {
		return
	}
	for _, line := range s.kept {
		_, _ = io.WriteString(w, line)
	}
	s.kept = nil
	if s.showing != "" {
		progress.Show(w, s.showing)
	}
}

// AwaitLab waits until the lab can be used, but for Vault where that comes late.
func (s *Supervisor) AwaitLab(ctx context.Context) error { return s.await(ctx, labUp) }

// AwaitVault waits until Vault can be used, too.
func (s *Supervisor) AwaitVault(ctx context.Context) error { return s.await(ctx, vaultUp) }

func (s *Supervisor) await(ctx context.Context, wanted stage) error {
	failed := fmt.Errorf("the lab is not up: its logs are in %s", filepath.Join(s.dir, "log"))
	select {
	case <-s.reached[wanted]:
		return nil
	case <-ctx.Done():
		return errors.New("interrupted")
	case <-s.ended:
	}
	select {
	case <-s.reached[wanted]: // it was the last that was said
		return nil
	default:
		return failed
	}
}

// Release leaves the lab running after the end of this program.
func (s *Supervisor) Release() error {
	_, err := io.WriteString(s.in, stay)
	return errors.Join(err, s.in.Close())
}

// Stop stops the lab and all that builds its servers, and returns when they have ended.
func (s *Supervisor) Stop(ctx context.Context) error {
	err := Stop(ctx, s.dir, s.cmd.Process.Pid)
	_ = s.in.Close()
	<-s.ended
	_ = s.cmd.Wait() // how it ended is in its log
	return err
}
