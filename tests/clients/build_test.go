package clients

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// root is the repository, seen from this package's directory, where go test runs.
const root = "../.."

// workDir holds the built binary and the servers' directories while the tests
// run. It is open to others, unlike testing's own: the database of a server that
// root starts runs as another user.
var workDir string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "realtime-clients-")
	if err != nil {
		panic(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		panic(err)
	}
	workDir = dir
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		os.RemoveAll(dir)
		os.Exit(code)
	}))
}

// binary builds ./cmd/realtime, once, and returns its path.
func binary(t *testing.T) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var build = sync.OnceValues(func() (string, error) {
	path := filepath.Join(workDir, "realtime")
	cmd := exec.Command("go", "build", "-o", path, "./cmd/realtime")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build ./cmd/realtime: %w\n%s", err, out)
	}
	return path, nil
})

// modules installs the npm packages of package-lock.json unless they are there:
// npm writes the hidden lock file last, so it is younger than what it was made from.
func modules(t *testing.T) {
	t.Helper()
	const installed = "node_modules/.package-lock.json"
	want, err := os.Stat("package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.Stat(installed); err == nil && got.ModTime().After(want.ModTime()) {
		return
	}
	out, err := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund").CombinedOutput()
	if err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	if now := time.Now(); os.Chtimes(installed, now, now) != nil {
		t.Fatalf("npm ci left no %s", installed)
	}
}

// watchSources reads every directory of the repository that the binary or the
// suite is made from. The go command then knows that a cached result of these
// tests is stale when one of the files changes; by imports alone it would not.
func watchSources(t *testing.T) {
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
