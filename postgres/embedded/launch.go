package embedded

import (
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// process is a postmaster that we started.
type process struct {
	pid    int
	exited chan struct{} // closed when it is gone
	err    error         // how it ended; read after exited
	said   chan struct{} // closed when everything it and its children wrote has been read
}

// waitWords waits until the last words of an ended process have arrived; a child that lives on does not hold it up.
func (p *process) waitWords() {
	select {
	case <-p.said:
	case <-time.After(300 * time.Millisecond):
	}
}

// launch starts cmd and waits for it in the background, on one thread from first to last: the kernel sends the
// parent-death signal when the *thread* that started the child ends, and Go ends idle threads when it likes.
func launch(cmd *exec.Cmd) (*process, error) {
	p := &process{exited: make(chan struct{}), said: make(chan struct{})}
	started := make(chan error, 1)
	go func() { // ends when the postmaster has
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if err == nil {
			p.pid = cmd.Process.Pid
		}
		started <- err
		if err != nil {
			return
		}
		p.err = cmd.Wait()
		close(p.exited)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// onOwnThread runs a short program to its end under the same rule.
func onOwnThread(run func() ([]byte, error)) ([]byte, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return run()
}

// arguments are the settings that the server depends on; whatever postgresql.conf or ALTER SYSTEM say, these hold.
func (s *Server) arguments() []string {
	args := []string{
		"-D", s.home.cluster(),
		"-c", "listen_addresses=127.0.0.1",
		"-c", "unix_socket_directories=" + quoteListItem(s.socketDir),
		"-c", "unix_socket_permissions=0700",
		"-c", "wal_level=logical",
		"-c", "logging_collector=off", "-c", "log_destination=stderr",
		"-c", "cluster_name=" + ourMark,
	}
	args = append(args, systemSettings...)
	if s.options.Fast {
		// Commits stay synchronous: with synchronous_commit off a walsender would see them up to 600 ms late.
		args = append(args, "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=200",
			"-c", "max_wal_senders=100", "-c", "max_replication_slots=100", "-c", "shared_buffers=64MB", "-c", "checkpoint_timeout=30min")
	}
	return args
}

// quoteListItem quotes a path for a setting that Postgres splits at commas.
func quoteListItem(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
