package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/secretgate/secretgate/tests/lab"
)

// A supervisor that takes longer than this to stop its servers hangs.
const stopTimeout = 60 * time.Second

// down stops the lab in order: services first. One that hangs is killed, and the kernel ends its servers with it.
func (s *settings) down(ctx context.Context, _ []string) error {
	pid, err := lab.Holder(s.Dir)
	if err != nil {
		return err
	}
	if pid == 0 {
		fmt.Println("No lab is up")
		return lab.Forget(s.Dir)
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return fmt.Errorf("the lab's supervisor (process %d) cannot be stopped: %w", pid, err)
	}
	patient, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	err = s.released(patient, pid)
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("interrupted: process %d goes on stopping the lab", pid)
	}
	if err != nil {
		fmt.Printf("Process %d does not stop the lab: killing it\n", pid)
		_ = syscall.Kill(pid, syscall.SIGKILL)
		if err := s.released(ctx, pid); err != nil {
			return err
		}
	}
	fmt.Println("The lab is stopped")
	return lab.Forget(s.Dir)
}

// released waits until a supervisor is gone.
func (s *settings) released(ctx context.Context, pid int) error {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		if now, err := lab.Holder(s.Dir); err != nil || now != pid {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// status says what is up, without a token.
func (s *settings) status(ctx context.Context, _ []string) error {
	pid, err := lab.Holder(s.Dir)
	if err != nil {
		return err
	}
	if pid == 0 {
		return errors.New("no lab is up: start one with make lab")
	}
	if !s.ready() {
		return fmt.Errorf("process %d is starting or stopping the lab", pid)
	}
	text, err := os.ReadFile(s.envFile())
	if err != nil {
		return err
	}
	fmt.Printf("The lab is up (process %d): see %s\n", pid, s.envFile())
	for line := range strings.Lines(string(text)) {
		name, address, _ := strings.Cut(strings.TrimSpace(line), "=")
		service, isHealth := strings.CutSuffix(name, "_HEALTH_ADDRESS")
		if isHealth {
			fmt.Printf("%s: %s\n", strings.ToLower(service), readiness(ctx, address))
		}
	}
	fmt.Printf("Logs: %s\n", filepath.Join(s.Dir, "log"))
	return nil
}

func readiness(ctx context.Context, address string) string {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", http.NoBody)
	if err != nil {
		return err.Error()
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "not running"
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return "not ready: " + response.Status
	}
	return "ready"
}
