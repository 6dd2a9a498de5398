package clients

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	aliceID = "a11ce000-0000-4000-8000-000000000001"
	bobID   = "b0b00000-0000-4000-8000-000000000002"
)

// names of the clients under test, as clients.js has them.
var names = []string{
	"realtime-js 2.119.1", "supabase-js 2.119.1", "realtime-js 2.95.3", "realtime-js 2.80.0", "realtime-js 2.11.15", "realtime-js 2.10.7",
	"phoenix 1.8.16",
}

// forgetful is the one whose channels end when it reconnects, whatever the server does.
const forgetful = "realtime-js 2.11.15"

// alone are the files that have the server to themselves, in this order: the
// first joins of ready.test.js must find one whose change stream has not begun,
// and cut.test.js cuts that stream.
var alone = []string{"ready.test.js", "cut.test.js"}

// result is a line of reporter.js.
type result struct {
	Name, File, Error, Output string
	MS                        int
	OK, Skipped               bool
}

func TestClients(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a minute")
	}
	modules(t)
	files, err := filepath.Glob("*.test.js")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test files: %v", err)
	}
	s := newServer(t)
	t.Logf("ready after %s, database made", s.Start().Round(time.Millisecond))

	ran, tab := map[string]int{}, table{} // tests by file and by client
	s.nodeTests(t, ran, tab, 1, alone...)
	s.nodeTests(t, ran, tab, 3, slices.DeleteFunc(slices.Clone(files), func(file string) bool {
		return slices.Contains(alone, file)
	})...)
	for _, want := range append(files, names...) {
		if ran[want] == 0 {
			t.Errorf("no test of %s ran", want)
		}
	}
	t.Logf("tests by file and client: %v", ran)
	tab.check(t)
}

// nodeTests runs test files, so many at a time, makes a subtest of each of their
// tests, counts them in ran and enters them in tab.
func (s server) nodeTests(t *testing.T, ran map[string]int, tab table, atOnce int, files ...string) {
	t.Helper()
	for r := range s.node(t, append([]string{
		"--test", "--test-force-exit", "--test-timeout=300000", fmt.Sprintf("--test-concurrency=%d", atOnce),
		"--test-reporter=./reporter.js", "--test-reporter-destination=stdout",
	}, files...)) {
		if r.Output != "" {
			t.Logf("%s", strings.TrimSpace(r.Output))
			continue
		}
		t.Run(r.Name, func(t *testing.T) {
			t.Logf("%s, %d ms", r.File, r.MS)
			if !r.OK || r.Skipped {
				t.Errorf("skipped: %t\n%s", r.Skipped, r.Error)
			}
		})
		tab.note(t, r)
		ran[r.File]++
		for _, name := range names {
			if strings.HasPrefix(r.Name, name+": ") {
				ran[name]++
			}
		}
	}
}

// node runs node in the suite's environment and yields the lines of its
// reporter as they come. It fails the test if node itself does not end well and
// no line told why.
func (s server) node(t *testing.T, args []string) func(yield func(result) bool) {
	return func(yield func(result) bool) {
		ctx, cancel := untilDeadline(t)
		defer cancel()
		cmd := exec.CommandContext(ctx, "node", args...)
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // node ends its own children
		cmd.WaitDelay = 5 * time.Second
		cmd.Env = s.clientEnv()
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		failed := false
		lines := bufio.NewScanner(stdout)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			var r result
			if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
				r = result{Output: lines.Text()}
			}
			failed = failed || r.Output == "" && !r.OK
			if !yield(r) {
				break
			}
		}
		if err := cmd.Wait(); err != nil && !failed {
			t.Errorf("node: %v", err)
		}
		if out := stderr.String(); out != "" {
			t.Logf("node says:\n%s", out)
		}
	}
}

// untilDeadline ends a little before go test would, so that what was started
// can be ended and what it said can be told.
func untilDeadline(t *testing.T) (context.Context, context.CancelFunc) {
	if deadline, ok := t.Deadline(); ok {
		return context.WithDeadline(t.Context(), deadline.Add(-15*time.Second))
	}
	return context.WithCancel(t.Context())
}

// clientEnv is what setup.js reads.
func (s server) clientEnv() []string {
	token := func(role, sub, claims string) string {
		args := []string{"token", "make", "--role", role, "--ttl", "1h"}
		if sub != "" {
			args = append(args, "--sub", sub, "--claims", claims)
		}
		return s.Run(args...)
	}
	return append(s.Env(),
		"REALTIME_BIN="+s.Bin,
		"REALTIME_URL="+s.URL,
		"DATABASE_URL="+s.Run("db", "url"),
		"ANON_KEY="+token("anon", "", ""),
		"ALICE_ID="+aliceID, "ALICE_TOKEN="+token("authenticated", aliceID, `{"team":"red"}`),
		"BOB_ID="+bobID, "BOB_TOKEN="+token("authenticated", bobID, `{"team":"blue"}`),
		"NODE_NO_WARNINGS=1",
	)
}
