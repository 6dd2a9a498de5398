package bench

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// humble has a process run only when nobody else wants the core (SCHED_IDLE, sched(7)), or as any other again. Threads that it starts from
// now on inherit that. Where it may not be done, figures are worse than they should be.
func humble(pid int, on bool) {
	policy := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL}
	if on {
		policy.Policy = unix.SCHED_IDLE
	}
	done := map[int]bool{}
	for fresh := true; fresh; {
		fresh = false
		threads, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid)) // gone: nothing to do
		for _, t := range threads {
			id, err := strconv.Atoi(t.Name())
			if err != nil || done[id] {
				continue
			}
			_ = unix.SchedSetAttr(id, &policy, 0)
			done[id], fresh = true, true
		}
	}
}
