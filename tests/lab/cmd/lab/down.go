package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/supervisor"
)

// down stops the lab.
func (s *settings) down(ctx context.Context, _ []string) error {
	pid, err := lab.Holder(s.Dir)
	if err != nil {
		return err
	}
	if pid == 0 {
		fmt.Println("No lab is up")
		return lab.Forget(s.Dir)
	}
	if err := supervisor.Stop(ctx, s.Dir, pid); err != nil {
		return err
	}
	fmt.Println("The lab is stopped")
	return nil
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
