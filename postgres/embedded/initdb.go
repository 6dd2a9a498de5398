package embedded

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// superuser owns the cluster; tables made by it are open to the API roles (see seed).
const superuser = "postgres"

// initdb makes the cluster, beside its final place and renamed when it is whole: a process killed half-way leaves
// nothing that looks like a database.
func (h *home) initdb(ctx context.Context, b binaries, fast bool) error {
	if err := h.root.RemoveAll(initName); err != nil {
		return fmt.Errorf("clear %s: %w", filepath.Join(h.dir, initName), err)
	}
	if _, _, err := h.password(); err != nil {
		return err
	}
	var err error
	// C.UTF-8 sorts by code point and still knows upper from lower case beyond ASCII. Not every system has it.
	for _, locale := range [][]string{{"--locale=C.UTF-8"}, {"--locale=C", "--lc-ctype=en_US.UTF-8"}, {"--no-locale"}} {
		if err = h.runInitdb(ctx, b, fast, locale); err == nil {
			break
		}
		if ctx.Err() != nil {
			return fmt.Errorf("run initdb: %w", context.Cause(ctx))
		}
	}
	if err != nil {
		return err
	}
	conf, err := h.root.ReadFile(filepath.Join(initName, "postgresql.conf"))
	if err == nil {
		conf = append(conf, confDefaults...)
		err = h.root.WriteFile(filepath.Join(initName, "postgresql.conf"), conf, 0o600)
	}
	if err != nil {
		return fmt.Errorf("write postgresql.conf: %w", err)
	}
	if fast {
		return h.place()
	}
	return errors.Join(h.sync(), h.place(), h.sync()) // the files, then the name, so that the name never stands for half of them
}

func (h *home) place() error {
	if err := h.root.Rename(initName, clusterName); err != nil {
		return fmt.Errorf("put the new cluster in its place: %w", err)
	}
	return nil
}

func (h *home) sync() error {
	f, err := h.root.Open(".")
	if err != nil {
		return fmt.Errorf("sync the new cluster: %w", err)
	}
	defer func() { _ = f.Close() }()
	if err := syncAll(f); err != nil {
		return fmt.Errorf("sync the new cluster: %w", err)
	}
	return nil
}

func (h *home) runInitdb(ctx context.Context, b binaries, fast bool, locale []string) error {
	args := append([]string{
		"--pgdata=" + filepath.Join(h.dir, initName), "--username=" + superuser, "--encoding=UTF8",
		"--auth-local=trust", // the socket's directory lets in nobody but the owner and root
		"--auth-host=scram-sha-256", "--pwfile=" + filepath.Join(h.dir, passwordName), "--no-instructions",
	}, locale...)
	if fast || !syncsItself {
		args = append(args, "--no-sync")
	}
	cmd := exec.CommandContext(ctx, filepath.Join(b.dir, "initdb"), args...)
	cmd.Dir, cmd.Env, cmd.SysProcAttr = h.dir, plainEnv(), attributes(h.owner)
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // with the Postgres that it runs
	cmd.WaitDelay = time.Second
	out, err := onOwnThread(cmd.CombinedOutput)
	if err != nil {
		_ = h.root.RemoveAll(initName) // the next attempt clears it as well
		if _, e := user.LookupId(strconv.Itoa(h.owner.uid)); e != nil {
			err = fmt.Errorf("%w (user id %d has no name, which Postgres insists on: add it to /etc/passwd)", err, h.owner.uid)
		}
		return fmt.Errorf("run %s: %w%s", cmd.Path, err, quoteLines(strings.Split(strings.TrimSpace(string(out)), "\n"), 5))
	}
	return nil
}

// confDefaults are written once, into postgresql.conf, where the owner of the database may change them. What the
// server itself depends on stands on the command line instead (see arguments), which wins over the file.
const confDefaults = `
# Written when this cluster was made. Change what you like, then restart.
max_connections = 100
max_wal_senders = 32
max_replication_slots = 32
max_slot_wal_keep_size = '1GB'	# a forgotten slot must not fill the disk
max_locks_per_transaction = 128
timezone = 'UTC'
log_timezone = 'UTC'
log_checkpoints = off
`

// quoteLines formats the last n lines of a program's output for the end of an error.
func quoteLines(lines []string, n int) string {
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	if len(lines) == 0 {
		return ""
	}
	return "; its last words:\n\t" + strings.Join(lines, "\n\t")
}
