package node

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Control groups belong to the whole machine. Each cluster keeps its pods below a group of its own, named by the process that
// made it, so that two do not meet and what is left can be told from what is in use.
const (
	cgroupVariable = "SECRETGATE_NODE_CGROUP"
	cgroupPrefix   = "secretgate-cluster-"
	cgroupRoot     = "/sys/fs/cgroup"
)

// makeCgroup makes a group below this cluster's, in every hierarchy that there is, and answers its path in them.
func makeCgroup(name string) (string, error) {
	path := "/" + filepath.Join(os.Getenv(cgroupVariable), name)
	for _, hierarchy := range hierarchies() {
		if err := os.MkdirAll(filepath.Join(hierarchy, path), 0o755); err != nil {
			return "", err
		}
	}
	return path, nil
}

// hierarchies are the mounted trees: one with version 2, one for each controller with version 1.
func hierarchies() []string {
	if _, err := os.Stat(filepath.Join(cgroupRoot, "cgroup.controllers")); err == nil {
		return []string{cgroupRoot}
	}
	found, _ := filepath.Glob(filepath.Join(cgroupRoot, "*", "cgroup.procs"))
	for i, file := range found {
		found[i] = filepath.Dir(file)
	}
	return found
}

// sweepCgroups removes what clusters left that were killed.
func sweepCgroups() {
	for _, hierarchy := range hierarchies() {
		found, _ := filepath.Glob(filepath.Join(hierarchy, cgroupPrefix+"*"))
		for _, path := range found {
			name := filepath.Base(path)
			pid, err := strconv.Atoi(strings.TrimPrefix(name, cgroupPrefix))
			if err != nil {
				continue
			}
			if _, err := os.Stat("/proc/" + strconv.Itoa(pid)); os.IsNotExist(err) {
				removeCgroup(name)
			}
		}
	}
}

// removeCgroup removes a group and those below it, unless a process is in one.
func removeCgroup(name string) {
	for _, hierarchy := range hierarchies() {
		var folders []string
		_ = filepath.WalkDir(filepath.Join(hierarchy, name), func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				folders = append(folders, path)
			}
			return nil
		})
		for _, folder := range slices.Backward(folders) {
			_ = os.Remove(folder)
		}
	}
}
