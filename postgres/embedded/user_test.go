package embedded_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"realtime/postgres/embedded"
)

// needRoot: only root can become other users. Everyone else runs all other tests of this package without it, and so
// covers the other half.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, to become another user")
	}
}

func ownerUID(t *testing.T, path string) uint32 {
	t.Helper()
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		t.Fatal("no owner")
	}
	return sys.Uid
}

func TestRootRunsPostgresAsAnotherUser(t *testing.T) {
	needRoot(t)
	dir := dataDir(t)
	start(t, embedded.Options{DataDir: dir})
	uid := ownerUID(t, "/proc/"+firstLine(t, filepath.Join(dir, "data", "postmaster.pid")))
	if uid == 0 {
		t.Error("Postgres runs as root")
	}
	for _, name := range []string{".", "data", "password", "port", "postgres.log", "lock"} {
		if got := ownerUID(t, filepath.Join(dir, name)); got != uid {
			t.Errorf("%s belongs to user %d, want %d", name, got, uid)
		}
	}
}

func firstLine(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return line
}

func TestOrdinaryUserMakesAndKeepsItsOwn(t *testing.T) {
	needRoot(t)
	for _, name := range []string{"nobody", "postgres"} {
		id := credential(t, name)
		if id == nil {
			t.Logf("no user %s here", name)
			continue
		}
		parent := publicDir(t)
		if err := os.Chown(parent, int(id.Uid), int(id.Gid)); err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(parent, "pg")
		for range 2 { // makes it, then finds it
			o := startOwner(t, dir, id)
			want(t, o.url, "select 1", "1")
			if got := ownerUID(t, filepath.Join(dir, "data")); got != id.Uid {
				t.Errorf("the cluster belongs to user %d, want %d", got, id.Uid)
			}
			o.kill()
			eventually(t, "Postgres is gone with its owner", func() bool { return serverProcesses(dir) == 0 })
		}
		// Root later finds it and leaves it with its owner.
		want(t, start(t, embedded.Options{DataDir: dir}).URL(), "select 1", "1")
		if got := ownerUID(t, filepath.Join(dir, "data")); got != id.Uid {
			t.Errorf("under root the cluster went to user %d", got)
		}
	}
}

func TestOrdinaryUserIsToldWhoseDirectoryItIs(t *testing.T) {
	needRoot(t)
	id := credential(t, "nobody")
	if id == nil {
		t.Fatal("no user nobody")
	}
	dir := dataDir(t) // belongs to the user that root chose
	if ownerUID(t, dir) == id.Uid {
		t.Skip("root chose nobody, for lack of a user postgres")
	}
	exe := filepath.Join(publicDir(t), "embedded.test")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	copyTree(t, self, exe)
	said := runChild(t, exe, dir, id)
	for _, w := range []string{"failed", dir, "belongs to user"} {
		if !strings.Contains(said, w) {
			t.Errorf("it did not mention %q: %s", w, said)
		}
	}
}

func TestClosedParentIsExplained(t *testing.T) {
	needRoot(t)
	parent := publicDir(t)
	if err := os.Chmod(parent, 0o700); err != nil {
		t.Fatal(err)
	}
	err := refused(t, embedded.Options{DataDir: filepath.Join(parent, "pg")})
	mentions(t, err, "may not enter "+parent, "chmod o+x "+parent)
}

func TestCopiedByRootIsGivenBack(t *testing.T) {
	needRoot(t)
	dir := dataDir(t)
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, 0, 0))
	})
	if err != nil {
		t.Fatal(err)
	}
	want(t, start(t, embedded.Options{DataDir: dir}).URL(), "select 1", "1")
}
