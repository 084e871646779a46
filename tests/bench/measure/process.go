// Package measure reads what a process and its metrics say of themselves, and makes one number of many.
package measure

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// Memory is what the kernel says of a process, in MiB: what is resident now, and the most that ever was.
type Memory struct{ RSS, Peak float64 }

// MemoryOf reads /proc/<pid>/status.
func MemoryOf(pid int) (Memory, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return Memory{}, err
	}
	return parseMemory(string(text))
}

func parseMemory(status string) (Memory, error) {
	rss, err := field(status, "VmRSS")
	if err != nil {
		return Memory{}, err
	}
	peak, err := field(status, "VmHWM")
	return Memory{RSS: rss / 1024, Peak: peak / 1024}, err
}

func field(status, name string) (float64, error) {
	found := regexp.MustCompile(`(?m)^` + name + `:\s+(\d+) kB$`).FindStringSubmatch(status)
	if found == nil {
		return 0, fmt.Errorf("a process's status does not say its %s: has it ended?", name)
	}
	return strconv.ParseFloat(found[1], 64)
}

// ticks is how many parts of a second the kernel counts processor time in; it is 100 wherever Linux runs Go.
const ticks = 100

// CPU is how many seconds of processor time a process has used, user and system, from /proc/<pid>/stat.
func CPU(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	return parseCPU(string(text))
}

func parseCPU(stat string) (float64, error) {
	// The second field, the program's name in parentheses, may hold spaces; the third follows the last parenthesis.
	_, rest, _ := cutLast(stat, ")")
	fields := strings.Fields(rest)
	const user, system = 14 - 3, 15 - 3
	if len(fields) <= system {
		return 0, fmt.Errorf("a process's stat has %d fields after its name", len(fields))
	}
	sum := 0.0
	for _, at := range []int{user, system} {
		n, err := strconv.ParseFloat(fields[at], 64)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum / ticks, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
