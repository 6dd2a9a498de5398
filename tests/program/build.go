package program

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

// folder holds the binary and the servers' directories while the tests run. It is open to others, unlike testing's own:
// the database of a server that root starts runs as another user.
var folder string

// Main is all that a TestMain does: it makes the folder, runs the tests, removes it again, looks for goroutines that were
// left behind, and exits. run is m.Run, or what prepares more and then calls it.
func Main(run func() int) {
	code := inFolder(run)
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func inFolder(run func() int) int {
	dir, err := os.MkdirTemp("", "realtime-program-")
	if err == nil {
		err = os.Chmod(dir, 0o755) //nolint:gosec // G302: see folder
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	folder = dir
	defer os.RemoveAll(dir)
	return run()
}

// Dir makes a directory that other users may enter, and that goes with the test run.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp(folder, "of-a-test-")
	if err == nil {
		err = os.Chmod(dir, 0o755) //nolint:gosec // G302: see folder
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// Binary builds ./cmd/realtime, once, and returns its path. root is the repository as seen from the caller's directory.
func Binary(t testing.TB, root string) string {
	t.Helper()
	WatchSources(t, root)
	once.Do(func() {
		built = filepath.Join(folder, "realtime")
		cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "go", "build", "-o", built, "./cmd/realtime")
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			errBuild = fmt.Errorf("build ./cmd/realtime: %w\n%s", err, out)
		}
	})
	if errBuild != nil {
		t.Fatal(errBuild)
	}
	return built
}

var (
	once     sync.Once
	built    string
	errBuild error
)

// WatchSources reads every directory of the repository. The go command then knows that a cached result of a test that runs what
// is built there is stale when a file changes; by imports alone it would not.
func WatchSources(t testing.TB, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		if name := entry.Name(); path != root && (name[0] == '.' || name == "node_modules" || name == "bin") {
			return fs.SkipDir
		}
		_, err = os.ReadDir(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
