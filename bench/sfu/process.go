//go:build linux

package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const clockTick = 10 * time.Millisecond // USER_HZ is 100 on every Linux architecture

// pin moves the program to one core by starting it again there, so that every
// thread of the runtime inherits it. A negative core leaves it where it is.
func pin(core int) error {
	const mark = "SFU_PINNED"
	if core < 0 || os.Getenv(mark) == strconv.Itoa(core) {
		return nil
	}
	var set unix.CPUSet
	set.Set(core)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("pin to core %d: %w", core, err)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("pin to core %d: %w", core, err)
	}
	if err := os.Setenv(mark, strconv.Itoa(core)); err != nil {
		return err
	}
	return syscall.Exec(self, os.Args, os.Environ())
}

// cpuTime is the user and system time that a process has used, as
// /proc/PID/stat shows it but without its rounding to 10 ms: by the process's
// CPU clock (clock_getcpuclockid(3)).
func cpuTime(pid int) (time.Duration, error) {
	const scheduled = 2 // CPUCLOCK_SCHED
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid)<<3|scheduled, &t); err != nil {
		return 0, fmt.Errorf("CPU time of process %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}

// residentBytes is a process's resident set.
func residentBytes(pid int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	f := strings.Fields(string(b))
	if len(f) < 2 {
		return 0, fmt.Errorf("/proc/%d/statm is short", pid)
	}
	pages, err := strconv.ParseInt(f[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// busyTime is the time that all cores together worked since boot.
func busyTime() (busy time.Duration, err error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(b), "\n")
	f := strings.Fields(line)
	if len(f) < 9 || f[0] != "cpu" {
		return 0, fmt.Errorf("/proc/stat begins with %q", line)
	}
	for i, s := range f[1:9] {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return 0, err
		}
		if i != 3 && i != 4 { // idle, iowait
			busy += time.Duration(n) * clockTick
		}
	}
	return busy, nil
}
