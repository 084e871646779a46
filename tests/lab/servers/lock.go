package servers

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// lock waits for other processes that build into the same cache. The system releases the lock of a process that dies.
func (b Builder) lock(ctx context.Context) (unlock func(), err error) {
	if err := os.MkdirAll(b.Cache, 0o755); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(filepath.Join(b.Cache, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for waiting := false; ; waiting = true {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			b.clean()
			return func() { _ = file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			_ = file.Close()
			return nil, err
		}
		if !waiting {
			b.say("servers", "waiting for another process that builds them")
		}
		select {
		case <-ctx.Done():
			_ = file.Close()
			return nil, errors.New("interrupted")
		case <-ticker.C:
		}
	}
}

// clean removes what a killed build left; the lock is held.
func (b Builder) clean() {
	left, _ := filepath.Glob(filepath.Join(b.Cache, "building-*"))
	for _, folder := range left {
		_ = os.RemoveAll(folder)
	}
}
