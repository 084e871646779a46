//go:build !linux

package node

// Inside says whether this process lives in the namespaces of a cluster.
func Inside() bool { return false }

// Isolate needs Linux.
func Isolate() (code int, err error) { return 0, errLinux }

func isolateMounts(string) error { return errLinux }

func makeCgroup(string) (string, error) { return "", errLinux }
