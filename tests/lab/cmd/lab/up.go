package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/secretgate/secretgate/tests/lab"
)

// up starts a supervisor in a session of its own and shows what it says until the lab is ready or has failed.
func (s *settings) up(ctx context.Context, _ []string) error {
	pid, err := lab.Holder(s.Dir)
	if err != nil {
		return err
	}
	switch ready := s.ready(); {
	case pid != 0 && ready:
		fmt.Printf("The lab is up already (process %d): see %s\n", pid, s.envFile())
		return nil
	case pid != 0:
		return fmt.Errorf("process %d is starting or stopping this lab: wait for it, or end it with lab down", pid)
	}

	supervisor, said, hangUp, err := s.spawn()
	if err != nil {
		return fmt.Errorf("the lab's supervisor cannot be started: %w", err)
	}
	defer hangUp()
	defer context.AfterFunc(ctx, func() { _ = supervisor.Process.Signal(syscall.SIGTERM) })()

	lines := bufio.NewScanner(said)
	for lines.Scan() {
		fmt.Println(lines.Text())
	}
	// An env file alone may be a left-over of a supervisor that was killed.
	if pid, err := lab.Holder(s.Dir); err == nil && pid == supervisor.Process.Pid && s.ready() && ctx.Err() == nil {
		fmt.Printf("Use it:  set -a; . %s; PATH=$LAB_BIN:$PATH\n", s.envFile())
		return nil
	}
	err = supervisor.Wait()
	if ctx.Err() != nil {
		return errors.New("interrupted: everything that was started is stopped")
	}
	return fmt.Errorf("the lab is not up (%w): its logs are in %s", err, filepath.Join(s.Dir, "log"))
}

func (s *settings) envFile() string { return filepath.Join(s.Dir, "env") }

func (s *settings) ready() bool {
	_, err := os.Stat(s.envFile())
	return err == nil
}

// spawn starts the supervisor. said ends when it is ready or gone; hangUp tells it that no caller waits for it any more.
func (s *settings) spawn() (supervisor *exec.Cmd, said io.Reader, hangUp func(), err error) {
	program, err := os.Executable()
	if err != nil {
		return nil, nil, nil, err
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, nil, nil, err
	}
	log, err := os.OpenFile(filepath.Join(s.Dir, "supervisor.log"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, nil, err
	}
	defer func() { _ = log.Close() }()

	args := []string{"supervise", "--dir=" + s.Dir, "--cache=" + s.Cache}
	for flag, values := range map[string][]string{
		"--apiserver-arg=": s.APIServerArgs, "--syncer-arg=": s.Syncer.Args, "--webhook-arg=": s.Webhook.Args,
	} {
		for _, value := range values {
			args = append(args, flag+value)
		}
	}
	cmd := exec.Command(program, args...) //nolint:noctx // it outlives this process
	cmd.Dir = s.Root
	cmd.Stderr = log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, nil, err
	}
	return cmd, out, func() { _ = in.Close() }, nil
}
