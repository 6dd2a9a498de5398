package embedded

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ourMark stands on the command line of every postmaster that we start, and so in its postmaster.opts.
const ourMark = "realtime-embedded"

// evict ends the postmaster that a killed process of ours left behind. On Linux the kernel has told it to stop already
// and this only waits; elsewhere it may be in full service. Taking it over instead would save a restart, but nobody
// could wait for it or read what it says. Whoever calls holds the lock, so no living process of ours owns it.
func (h *home) evict(ctx context.Context, progress func(string)) error {
	pidFile := filepath.Join(clusterName, "postmaster.pid")
	status := h.readStatus()
	if status.pid == 0 {
		return nil
	}
	if !runsIn(ctx, status.pid, h.cluster()) {
		h.killStrays()
		// Stale. Postgres sees that too, except when the number now belongs to some other process of the same user
		// (usual in containers, where numbers are small): then it would refuse to start.
		if err := h.root.Remove(pidFile); err != nil && h.readStatus().pid != 0 {
			return fmt.Errorf("remove stale postmaster.pid: %w", err)
		}
		return nil
	}
	if !strings.Contains(h.read(filepath.Join(clusterName, "postmaster.opts")), ourMark) {
		return &InUseError{DataDir: h.dir, PID: status.pid, Foreign: true}
	}
	progress("stopping the Postgres that an earlier run left behind (process " + strconv.Itoa(status.pid) + ")")
	for _, step := range []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{syscall.SIGINT, 10 * time.Second}, {syscall.SIGQUIT, 6 * time.Second}, {syscall.SIGKILL, 10 * time.Second}} {
		_ = syscall.Kill(status.pid, step.signal) // gone already: the wait below ends at once
		for deadline := time.Now().Add(step.wait); time.Now().Before(deadline); {
			if !runsIn(ctx, status.pid, h.cluster()) {
				return nil
			}
			if err := sleep(ctx, 5*time.Millisecond); err != nil {
				return fmt.Errorf("wait for process %d to end: %w", status.pid, err)
			}
		}
	}
	return fmt.Errorf("stop the Postgres left behind: process %d does not end, even when killed", status.pid)
}

// killStrays ends the children that outlive a killed postmaster: one in the midst of a long statement notices nothing,
// and Postgres does not start again while it uses the shared memory.
func (h *home) killStrays() {
	for _, pid := range strays(h.cluster(), h.owner.uid) {
		_ = syscall.Kill(pid, syscall.SIGQUIT)
	}
}

// status is what a postmaster writes into postmaster.pid about itself.
type status struct {
	pid   int // 0: there is no such file
	ready bool
}

// readStatus reads postmaster.pid: the pid in the first line, the state in the eighth.
func (h *home) readStatus() status {
	lines := strings.Split(h.read(filepath.Join(clusterName, "postmaster.pid")), "\n")
	pid, _ := strconv.Atoi(strings.TrimLeft(strings.TrimSpace(lines[0]), "-")) // absent: 0; negative: a single-user Postgres
	return status{pid: pid, ready: len(lines) >= 8 && strings.TrimSpace(lines[7]) == "ready"}
}

// sleep waits, unless ctx ends first.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
