package lab

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// A lab holds a lock on a file in its folder until it has stopped. The system names the process that holds it and releases
// it however that ends, which a file with a process id in it cannot offer.

func lockFile(dir string) string { return filepath.Join(dir, "lock") }

// hold takes the lock of a folder for this process.
func hold(dir string) (release func(), err error) {
	file, err := os.OpenFile(lockFile(dir), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the lab's state folder cannot be locked: %w", err)
	}
	lock := wholeFile()
	if err := syscall.FcntlFlock(file.Fd(), syscall.F_SETLK, &lock); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("another process runs a lab in %s: stop that one, or choose another folder", dir)
	}
	return func() { _ = file.Close() }, nil
}

// Holder is the id of the process whose lab lives in a folder; 0 when there is none. It does not see a lab of this process.
func Holder(dir string) (int, error) {
	file, err := os.OpenFile(lockFile(dir), os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer func() { _ = file.Close() }()
	lock := wholeFile()
	if err := syscall.FcntlFlock(file.Fd(), syscall.F_GETLK, &lock); err != nil {
		return 0, err
	}
	if lock.Type == syscall.F_UNLCK {
		return 0, nil
	}
	return int(lock.Pid), nil
}

func wholeFile() syscall.Flock_t {
	return syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart}
}
