package bench

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clockTick is what /proc counts CPU time in: USER_HZ is 100 on every Linux that has been built for decades.
const clockTick = 10 * time.Millisecond

// stat is what /proc says about one process.
type stat struct {
	name    string
	parent  int
	cpu     time.Duration // its own
	reaped  time.Duration // of its ended children
	resides int64         // bytes
}

// readStat reads /proc/PID/stat; ok is false if there is no such process, or no /proc.
func readStat(pid int) (s stat, ok bool) {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if err != nil || open < 0 || end < open {
		return s, false
	}
	s.name = string(b[open+1 : end])
	f := strings.Fields(string(b[end+1:]))
	const parent, utime, stime, cutime, cstime, rss = 1, 11, 12, 13, 14, 21 // proc(5), counted from the state
	if len(f) <= rss {
		return s, false
	}
	number := func(i int) int64 {
		n, _ := strconv.ParseInt(f[i], 10, 64) // the kernel writes numbers
		return n
	}
	s.parent = int(number(parent))
	s.cpu = time.Duration(number(utime)+number(stime)) * clockTick
	s.reaped = time.Duration(number(cutime)+number(cstime)) * clockTick
	s.resides = number(rss) * int64(os.Getpagesize())
	return s, true
}

// children returns the processes whose parent is pid.
func children(pid int) (pids []int) {
	names, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil
	}
	for _, name := range names {
		if n, err := strconv.Atoi(filepath.Base(name)); err == nil {
			if s, ok := readStat(n); ok && s.parent == pid {
				pids = append(pids, n)
			}
		}
	}
	return pids
}

// postmaster finds the Postgres that a server has started: a child of its own.
func postmaster(server int) int {
	for _, pid := range children(server) {
		if s, ok := readStat(pid); ok && strings.HasPrefix(s.name, "postgres") {
			return pid
		}
	}
	return 0
}

// FindProcesses names the server's process, and with it the Postgres that it has started.
func (t *Target) FindProcesses(server int) {
	t.PID, t.PostgresPID = server, postmaster(server)
}

// treeCPU is the CPU time of a process and all that it has started, ended ones included.
func treeCPU(pid int) time.Duration {
	s, ok := readStat(pid)
	if !ok {
		return 0
	}
	total := s.cpu + s.reaped
	for _, child := range children(pid) {
		if c, ok := readStat(child); ok {
			total += c.cpu
		}
	}
	return total
}

// usage is the CPU time and memory of those involved at one moment.
type usage struct {
	at        time.Time
	server    time.Duration
	postgres  time.Duration
	generator time.Duration
	resides   int64 // the server's bytes in memory
}

// look reads the process table.
func (t *Target) look() usage {
	u := usage{at: time.Now()}
	if s, ok := readStat(os.Getpid()); ok {
		u.generator = s.cpu
	}
	if t.PID > 0 {
		if s, ok := readStat(t.PID); ok {
			u.server, u.resides = s.cpu, s.resides
		}
		if t.WholeTree {
			u.server = treeCPU(t.PID)
		}
	}
	if t.PostgresPID > 0 {
		u.postgres = treeCPU(t.PostgresPID)
	}
	return u
}
