package pgtest

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// dirPrefix begins the names of our directories under os.TempDir.
const dirPrefix = "realtime-pgtest-"

// sweep removes from tmp the directories of test binaries that were killed: those whose server's lock is free. Old ones only, so
// that one which is just being made is left alone.
func sweep(tmp string) {
	dirs, _ := filepath.Glob(filepath.Join(tmp, dirPrefix+"*")) // the pattern is well-formed
	for _, dir := range dirs {
		st, err := os.Stat(dir)
		if err != nil || time.Since(st.ModTime()) < time.Hour {
			continue
		}
		pid, _ := os.ReadFile(filepath.Join(dir, "pg", "lock"))
		n, err := strconv.Atoi(strings.TrimSpace(string(pid)))
		if err == nil && n > 0 && syscall.Kill(n, 0) != syscall.ESRCH {
			continue
		}
		_ = os.RemoveAll(dir) // not ours to remove, then
	}
}
