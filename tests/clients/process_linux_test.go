package clients

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// databaseProcesses are all processes that work below dir: a postmaster and its
// children keep the data directory as their working directory.
func databaseProcesses(t *testing.T, dir string) []string {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil {
		t.Fatal(err)
	}
	var pids []string
	for _, link := range links {
		// Processes end while we look: an unreadable link is one of those.
		if cwd, err := os.Readlink(link); err == nil && strings.HasPrefix(cwd, dir) {
			pids = append(pids, filepath.Base(filepath.Dir(link)))
		}
	}
	return pids
}
