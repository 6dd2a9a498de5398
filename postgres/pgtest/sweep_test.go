package pgtest

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

func TestSweepRemovesOnlyWhatIsLeftBehind(t *testing.T) {
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	tmp := t.TempDir()
	old := time.Now().Add(-2 * time.Hour)
	for name, c := range map[string]struct {
		pid  int
		when time.Time
		kept bool
	}{
		dirPrefix + "dead":  {gone.Process.Pid, old, false},
		dirPrefix + "early": {0, old, false}, // killed before it had a lock
		dirPrefix + "alive": {os.Getpid(), old, true},
		dirPrefix + "new":   {gone.Process.Pid, time.Now(), true},
		"somebody-elses":    {gone.Process.Pid, old, true},
	} {
		dir := filepath.Join(tmp, name)
		if err := os.MkdirAll(filepath.Join(dir, "pg"), 0o700); err != nil {
			t.Fatal(err)
		}
		if c.pid != 0 {
			if err := os.WriteFile(filepath.Join(dir, "pg", "lock"), []byte(strconv.Itoa(c.pid)+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chtimes(dir, c.when, c.when); err != nil {
			t.Fatal(err)
		}
		sweep(tmp)
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) == c.kept {
			t.Errorf("%s: kept should be %v", name, c.kept)
		}
	}
}
