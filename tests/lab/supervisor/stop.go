package supervisor

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/secretgate/secretgate/tests/lab"
)

// A supervisor that takes longer than this to stop its servers hangs.
const stopTimeout = 60 * time.Second

// Stop has a supervisor stop the lab in a folder in order: services first. One that hangs is killed, and the kernel ends its
// servers with it.
func Stop(ctx context.Context, dir string, pid int) error {
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("the lab's supervisor (process %d) cannot be stopped: %w", pid, err)
	}
	patient, cancel := context.WithTimeoutCause(ctx, stopTimeout, fmt.Errorf("it was not stopped within %s", stopTimeout))
	defer cancel()
	err := released(patient, dir, pid)
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("interrupted: process %d goes on stopping the lab", pid)
	}
	if err != nil {
		_ = syscall.Kill(pid, syscall.SIGKILL)
		if err := released(ctx, dir, pid); err != nil {
			return err
		}
	}
	return lab.Forget(dir)
}

// released waits until a supervisor is gone.
func released(ctx context.Context, dir string, pid int) error {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		if now, err := lab.Holder(dir); err != nil || now != pid {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}
