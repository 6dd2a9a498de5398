//go:build unix && !linux

package embedded

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// attributes make the postmaster a group of its own, so that Ctrl-C at our terminal reaches us alone. These systems
// have no signal for the death of a parent: what a killed process leaves behind is ended at the next start.
func attributes(o owner) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true}
	if o.drop {
		a.Credential = &syscall.Credential{Uid: uint32(o.uid), Gid: uint32(o.gid)}
	}
	return a
}

var systemSettings []string

// syncsItself: initdb has to; there is no call for a whole file system.
const syncsItself = true

func syncAll(f *os.File) error { return f.Sync() }

// runsIn reports whether pid is a postmaster that was started on dir.
func runsIn(ctx context.Context, pid int, dir string) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(out), "postgres") && strings.Contains(string(out), dir)
}

// strays lists the children that outlive their postmaster. Here nothing tells whose they are; Postgres waits for them.
func strays(string, int) []int { return nil }
