package worker

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// usage is what a process has used, as far as the kernel says.
type usage struct {
	time   time.Duration
	memory uint64 // that it shares with no other process, in bytes
}

// ticks is how many of the kernel's clock ticks are a second, on all architectures that we serve.
const ticks = 100

func usageOf(pid int) (u usage) {
	if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil {
		// The name of the program, in parentheses, may hold anything. utime and stime are the 12th and 13th field after it.
		if fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:])); len(fields) > 12 {
			user, _ := strconv.ParseInt(fields[11], 10, 64)
			system, _ := strconv.ParseInt(fields[12], 10, 64)
			u.time = time.Duration(user+system) * time.Second / ticks
		}
	}
	if status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)); err == nil {
		kib, _ := statusField(string(status), "RssAnon:")
		u.memory = kib << 10
	}
	return u
}
