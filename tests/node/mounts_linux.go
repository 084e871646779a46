package node

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// isolateMounts keeps what kubelet, containerd and CNI write outside of their own folders away from the machine: /run is
// empty, /var is the machine's with all changes in dir, and /sys shows this network. Mounts are shared below here, which
// volumes need.
func isolateMounts(dir string) error {
	overlay := filepath.Join(dir, "var")
	groups := filepath.Join(dir, "cgroup")
	for _, folder := range []string{filepath.Join(overlay, "upper"), filepath.Join(overlay, "work"), groups} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return err
		}
	}
	layers := fmt.Sprintf("lowerdir=/var,upperdir=%s/upper,workdir=%s/work", overlay, overlay)
	// The control groups are carried over before anything is shared: afterwards, unmounting /sys would unmount them here, too.
	steps := []struct {
		what string
		do   func() error
	}{
		{"carrying the control groups over", func() error { return bind(cgroupRoot, groups) }},
		{"unmounting /sys", func() error { return syscall.Unmount("/sys", syscall.MNT_DETACH) }},
		{"mounting /sys", func() error { return syscall.Mount("sysfs", "/sys", "sysfs", 0, "") }},
		{"carrying the control groups back", func() error { return bind(groups, cgroupRoot) }},
		{"carrying the control groups back", func() error { return syscall.Unmount(groups, syscall.MNT_DETACH) }},
		{"laying a folder over /var", func() error { return syscall.Mount("overlay", "/var", "overlay", 0, layers) }},
		{"sharing mounts", func() error { return syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_SHARED, "") }},
		{"emptying /run", func() error { return syscall.Mount("tmpfs", "/run", "tmpfs", 0, "mode=755") }},
		{"making /run/lock", func() error { return os.MkdirAll("/run/lock", 0o755) }},
	}
	for _, step := range steps {
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return nil
}

func bind(from, to string) error {
	return syscall.Mount(from, to, "", syscall.MS_BIND|syscall.MS_REC, "")
}
