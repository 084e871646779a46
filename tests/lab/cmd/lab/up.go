package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/progress"
	"github.com/secretgate/secretgate/tests/lab/supervisor"
)

// up starts a supervisor and shows what it says until the lab is ready or has failed.
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
	screen := progress.NewScreen(os.Stdout)
	if err := s.UseFound(ctx, screen); err != nil {
		return err
	}
	options := s.Options
	options.Progress = screen
	process, err := supervisor.Start(options)
	if err != nil {
		return err
	}
	if err := process.AwaitVault(ctx); err != nil {
		return errors.Join(err, process.Stop(context.WithoutCancel(ctx)))
	}
	fmt.Printf("Use it:  set -a; . %s; PATH=$LAB_BIN:$PATH\n", s.envFile())
	return process.Release()
}

func (s *settings) envFile() string { return filepath.Join(s.Dir, "env") }

func (s *settings) ready() bool {
	_, err := os.Stat(s.envFile())
	return err == nil
}
