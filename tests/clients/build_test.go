package clients

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"realtime/tests/program"
)

// root is the repository, seen from this package's directory, where go test runs.
const root = "../.."

func TestMain(m *testing.M) { program.Main(m.Run) }

// server is a server for the clients, which are children of the test's process as it is.
type server struct{ *program.Server }

func newServer(t *testing.T) server { return server{program.New(t, root)} }

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
