package embedded

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The names in a data directory.
const (
	clusterName  = "data"         // Postgres' own files
	initName     = "data.init"    // a cluster in the making
	lockName     = "lock"         // flock held by the process that runs the server; its pid inside
	passwordName = "password"     // of the superuser over TCP
	portName     = "port"         // the TCP port of the last start
	socketName   = "socket"       // where the socket went when the path was too long
	logName      = "postgres.log" // what Postgres says, bounded; the part before in postgres.log.1
)

// home is an opened data directory, held by this process alone. Its files are reached through an os.Root: the
// directory belongs to the user Postgres runs as, which must not lead us (perhaps root) elsewhere with a link.
type home struct {
	dir   string // absolute, links resolved
	root  *os.Root
	lock  *os.File
	owner owner
}

// openHome makes the directory if need be, takes its lock and gives it to the user that Postgres will run as.
func openHome(ctx context.Context, dir string) (*home, error) {
	if dir == "" {
		return nil, errors.New("open data directory: none was named")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open data directory: %w", err)
	}
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, fmt.Errorf("open data directory: %w", err)
	}
	own, err := chooseOwner(dir)
	if err != nil {
		return nil, err
	}
	if err := own.checkReach(filepath.Dir(dir)); err != nil {
		return nil, err
	}
	h := &home{dir: dir, owner: own}
	if h.root, err = os.OpenRoot(dir); err != nil {
		return nil, explainDenied(dir, err)
	}
	if err := h.claim(ctx); err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

// makeDir creates the directory, open to its owner only. The ones above it, where missing, are ordinary ones.
func makeDir(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil { //nolint:gosec // G301: a parent must be passable for the user that Postgres runs as
		return fmt.Errorf("make data directory: %w", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make data directory: %w", err)
	}
	return nil
}

func explainDenied(dir string, err error) error {
	if st, e := os.Stat(dir); e == nil && errors.Is(err, fs.ErrPermission) {
		uid, _ := ownerOf(st)
		return fmt.Errorf("open data directory: %w; it belongs to user %s: run as that user, or choose another data directory", err, userName(uid))
	}
	return fmt.Errorf("open data directory: %w", err)
}

// claim takes the lock, then makes the directory ours in mode and owner.
func (h *home) claim(ctx context.Context) error {
	if err := h.refuseForeign(); err != nil {
		return err
	}
	if err := h.takeLock(ctx); err != nil {
		return err
	}
	if err := h.root.Chmod(".", 0o700); err != nil {
		return explainDenied(h.dir, err)
	}
	if err := h.give("."); err != nil {
		return err
	}
	return h.give(lockName)
}

// refuseForeign protects a directory that has other things in it from being closed to everyone and given away.
func (h *home) refuseForeign() error {
	entries, err := os.ReadDir(h.dir)
	if err != nil {
		return explainDenied(h.dir, err)
	}
	for _, e := range entries {
		switch name := e.Name(); {
		case name == "PG_VERSION":
			return fmt.Errorf("open data directory %s: it is a Postgres cluster made by other means; name another directory, or point DB_HOST at the server that runs it", h.dir)
		case name == clusterName, name == lockName:
			return nil
		case name == initName, name == passwordName, name == portName, name == socketName,
			strings.HasPrefix(name, logName), strings.HasPrefix(name, ".s.PGSQL."), name == "lost+found":
		default:
			return fmt.Errorf("open data directory %s: it is not empty (there is %q) and was not made by this server; name an empty or a new directory", h.dir, name)
		}
	}
	return nil
}

// takeLock takes the flock. The kernel frees it when its holder dies, however that happens; only a child of the holder
// that is just being started can keep it some milliseconds longer, so a dead holder is given a moment.
func (h *home) takeLock(ctx context.Context) error {
	f, err := h.root.OpenFile(lockName, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return explainDenied(h.dir, err)
	}
	for range 50 {
		err = flock(f)
		pid := readPID(f)
		if err == nil || !errors.Is(err, errLocked) || pid != 0 && alive(pid) || sleep(ctx, 10*time.Millisecond) != nil {
			break
		}
	}
	if err != nil {
		pid := readPID(f)
		_ = f.Close() // the lock is not ours: nothing is lost with it
		if errors.Is(err, errLocked) {
			return &InUseError{DataDir: h.dir, PID: pid}
		}
		return fmt.Errorf("lock data directory %s: %w", h.dir, err)
	}
	h.lock = f
	if err := f.Truncate(0); err != nil {
		return fmt.Errorf("write lock file: %w", err)
	}
	if _, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		return fmt.Errorf("write lock file: %w", err)
	}
	return nil
}

func readPID(f *os.File) int {
	var b [32]byte
	n, _ := f.ReadAt(b[:], 0) // io.EOF: the file is shorter than b
	pid, _ := strconv.Atoi(strings.TrimSpace(string(b[:n])))
	return pid
}

// give makes the user that Postgres runs as the owner of one of our files.
func (h *home) give(name string) error {
	if !h.owner.drop {
		return nil
	}
	if err := h.root.Lchown(name, h.owner.uid, h.owner.gid); err != nil {
		return fmt.Errorf("give %s to user %s: %w", filepath.Join(h.dir, name), h.owner.name, err)
	}
	return nil
}

// read returns the trimmed text of one of our files, "" if it is missing.
func (h *home) read(name string) string {
	b, _ := h.root.ReadFile(name)
	return strings.TrimSpace(string(b))
}

// write replaces one of our files.
func (h *home) write(name, text string) error {
	if err := h.root.WriteFile(name, []byte(text+"\n"), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Join(h.dir, name), err)
	}
	return h.give(name)
}

// password returns the superuser's password, and whether it had to be made anew.
func (h *home) password() (text string, fresh bool, err error) {
	if text := h.read(passwordName); text != "" {
		return text, false, nil
	}
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails, says its documentation
	text = hex.EncodeToString(b)
	return text, true, h.write(passwordName, text)
}

// cluster is the directory that Postgres itself works in.
func (h *home) cluster() string { return filepath.Join(h.dir, clusterName) }

// major is the Postgres version that made the cluster, 0 if there is none.
func (h *home) major() int {
	n, _ := strconv.Atoi(h.read(filepath.Join(clusterName, "PG_VERSION")))
	return n
}

// close gives the directory back. The lock file stays: removing it would let two processes hold two different ones.
func (h *home) close() {
	if h.lock != nil {
		_ = h.lock.Close() // ends the flock
	}
	if h.root != nil {
		_ = h.root.Close()
	}
}
