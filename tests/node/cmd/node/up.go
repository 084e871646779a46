package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/secretgate/secretgate/tests/node"
)

// up starts a supervisor in a session of its own and shows what it says until the cluster is ready or has failed.
func (s *settings) up(ctx context.Context, _ []string) error {
	switch pid, err := s.holder(); {
	case err != nil:
		return err
	case pid != 0:
		return fmt.Errorf("process %d runs a cluster in %s: end it with make cluster-down", pid, s.Dir)
	}
	if err := node.Build(ctx, s.Options); err != nil {
		return err
	}
	if err := errors.Join(os.MkdirAll(s.Dir, 0o700), os.RemoveAll(s.envFile())); err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	//nolint:noctx // it outlives this process
	cmd := exec.Command(program, "supervise", "--dir="+s.Dir, "--nodes="+strconv.Itoa(s.Nodes), "--images="+strings.Join(s.Images, ","))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })()

	lines := bufio.NewScanner(out)
	for lines.Scan() {
		fmt.Println(lines.Text())
		if _, err := os.Stat(s.envFile()); err == nil {
			fmt.Println("Use it:  (cd tests && go run ./node/cmd/node exec kubectl get pods --all-namespaces)")
			return nil
		}
	}
	_ = cmd.Wait()
	return fmt.Errorf("the cluster is not up: see %s and %s", filepath.Join(s.Dir, "log"), filepath.Join(s.Dir, "lab", "log"))
}

// supervise is the process that the cluster belongs to.
func (s *settings) supervise(ctx context.Context, _ []string) error {
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE)
	if !node.Inside() {
		return ended(node.Isolate())
	}
	c, err := node.Start(ctx, s.Options)
	if err != nil {
		return err
	}
	defer c.Stop()
	defer func() { _ = os.Remove(s.envFile()) }()
	if err := c.WriteEnv(s.envFile()); err != nil {
		return err
	}
	fmt.Println("Vault is at", c.VaultURL+", the clouds at", c.CloudsURL, "for pods")
	return c.Wait(ctx)
}

// ended ends this program with the exit code of one that it started, which has said why.
func ended(code int, err error) error {
	if err == nil && code != 0 {
		os.Exit(code)
	}
	return err
}

// exec runs a program in the namespaces of the cluster, in this folder.
func (s *settings) exec(ctx context.Context, args []string) error {
	pid, err := s.holder()
	if err != nil {
		return err
	}
	if _, err := os.Stat(s.envFile()); pid == 0 || err != nil {
		return errors.New("no cluster is up: start one with make cluster")
	}
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	// The shell reads the variables and becomes the program.
	shell := []string{"/bin/sh", "-c", `set -a; . "$0"; PATH=$LAB_BIN:$PATH; exec "$@"`, s.envFile()}
	enter := []string{"--target=" + strconv.Itoa(pid), "--mount", "--net", "--pid", "--uts", "--ipc", "--wdns=" + here, "--"}
	cmd := exec.CommandContext(ctx, "nsenter", append(append(enter, shell...), args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
		return ended(exit.ExitCode(), nil)
	}
	return err
}

// stopTimeout is more than the cluster's servers take to stop.
const stopTimeout = 90 * time.Second

// down asks the cluster to end. One that hangs is killed, and the kernel ends with it all that runs in its namespaces.
func (s *settings) down(ctx context.Context, _ []string) error {
	pid, err := s.holder()
	if err != nil || pid == 0 {
		fmt.Println("No cluster is up")
		return err
	}
	_ = syscall.Kill(pid, syscall.SIGTERM) // fails when it has just ended
	patient, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		now, err := s.holder()
		switch {
		case err != nil:
			return err
		case now != pid:
			fmt.Println("The cluster is stopped")
			return nil
		case patient.Err() != nil:
			fmt.Printf("Process %d does not stop the cluster: killing it\n", pid)
			return syscall.Kill(pid, syscall.SIGKILL)
		}
		select {
		case <-patient.Done():
		case <-ticker.C:
		}
	}
}
