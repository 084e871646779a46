package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/secretgate/secretgate/tests/lab"
)

// supervise is the process that the lab belongs to. It speaks to `lab up` over two pipes: what it writes to standard
// output is shown, until it closes it, and the end of standard input means that the process which asked for the lab is gone.
func (s *settings) supervise(ctx context.Context, _ []string) error {
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE)
	if err := s.bringUp(ctx); err != nil {
		fmt.Println(err)
		return err
	}
	return nil
}

func (s *settings) bringUp(ctx context.Context) error {
	options := s.Options
	options.Progress = os.Stdout

	starting, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel(errors.New("interrupted"))
	}()
	l, err := lab.Start(starting, options)
	if err != nil {
		return err
	}
	defer l.Stop()
	if err := l.WriteEnv(); err != nil {
		return err
	}
	_ = os.Stdout.Close()

	if err := l.Wait(ctx); err != nil {
		return fmt.Errorf("the lab is stopped, since a server is gone: %w", err)
	}
	return nil
}
