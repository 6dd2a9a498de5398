package embedded

import (
	"context"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// attributes make the postmaster a group of its own, so that Ctrl-C at our terminal reaches us alone and we stop it in
// order; and have the kernel stop it when we die. That signal belongs to the thread which starts the process: see launch.
func attributes(o owner) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGINT}
	if o.drop {
		a.Credential = &syscall.Credential{Uid: uint32(o.uid), Gid: uint32(o.gid)}
	}
	return a
}

// systemSettings: before it recovers, Postgres makes sure that all its files are on disk, one by one, 0.9 s for an empty
// cluster; this asks the file system once instead.
var systemSettings = []string{"-c", "recovery_init_sync_method=syncfs"}

// syncsItself: initdb need not, since syncAll does it for all files at once, in a fraction of the time.
const syncsItself = false

// syncAll brings everything written to the file system of f onto the disk.
func syncAll(f *os.File) error { return unix.Syncfs(int(f.Fd())) }

// runsIn reports whether the living process pid works in dir, as a postmaster does in its data directory. A zombie
// works nowhere. Another user's process does not tell, but cannot be the postmaster of our files either.
func runsIn(_ context.Context, pid int, dir string) bool { return worksIn(pid, dir) }

func worksIn(pid int, dir string) bool {
	cwd, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/cwd")
	return err == nil && cwd == dir
}

// strays lists the living Postgres processes of a user that work in dir.
func strays(dir string, uid int) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil // no /proc: Postgres itself says what is in its way
	}
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		st, err := os.Stat("/proc/" + e.Name())
		if err != nil {
			continue // gone meanwhile
		}
		name, _ := os.ReadFile("/proc/" + e.Name() + "/comm")
		if u, _ := ownerOf(st); u == uid && string(name) == "postgres\n" && worksIn(pid, dir) {
			pids = append(pids, pid)
		}
	}
	return pids
}
