package clients

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"
)

const (
	restarts     = 3
	restartLimit = time.Second // the best of the restarts must stay below
	rejoinLimit  = 30 * time.Second
)

// TestKilledServerComesBack kills the server (SIGKILL) under one client of each
// kind that can, starts it again on the same data and port, and expects it to be ready
// at once, the clients to be back without being told, with their broadcasts and
// their changes, and one database.
func TestKilledServerComesBack(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	modules(t)
	s := newServer(t)
	t.Logf("first start, database made: %s", s.Start().Round(time.Millisecond))
	anon := s.Run("token", "make", "--role", "anon", "--ttl", "1h")
	heard := s.audience(t, "restart")
	expect(t, heard, "joined %s")

	best := time.Hour
	for n := 1; n <= restarts; n++ {
		s.Kill()
		took := s.Start()
		t.Logf("restart %d after SIGKILL: ready after %s", n, took.Round(time.Millisecond))
		best = min(best, took)

		expect(t, heard, "joined %s")
		s.broadcast(t, anon, "restart", n)
		expect(t, heard, fmt.Sprintf("heard %%s %d", n), fmt.Sprintf("saw %%s %d", n))
		if pids := postmasters(t, s.Data); len(pids) != 1 {
			t.Errorf("databases running on the data directory: %v, want one", pids)
		}
	}
	if best >= restartLimit {
		t.Errorf("best restart of %d took %s, want less than %s", restarts, best, restartLimit)
	}
}

// TestNoDatabaseOutlivesItsServer looks for database processes after the server
// was killed and after it was asked to stop.
func TestNoDatabaseOutlivesItsServer(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	for _, end := range []struct {
		how string
		do  func(server)
	}{{"SIGKILL", server.Kill}, {"SIGTERM", server.Stop}} {
		t.Run(end.how, func(t *testing.T) {
			s := newServer(t)
			s.Start()
			if pids := databaseProcesses(t, s.Data); len(pids) == 0 {
				t.Fatal("found no database process while the server ran: this test looks in the wrong place")
			}
			end.do(s)
			deadline := time.Now().Add(10 * time.Second)
			for {
				pids := databaseProcesses(t, s.Data)
				if len(pids) == 0 {
					return
				}
				if time.Now().After(deadline) {
					t.Fatalf("database processes alive 10 s later: %v", pids)
				}
				time.Sleep(20 * time.Millisecond) //nolint:forbidigo // polls other processes
			}
		})
	}
}

// audience runs rejoin.js until the test ends and returns the lines it prints.
func (s server) audience(t *testing.T, topic string) <-chan string {
	t.Helper()
	cmd := exec.Command("node", "rejoin.js", topic)
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
	lines := make(chan string, 1000)
	go func() { // ends with the process
		defer close(lines)
		for scan := bufio.NewScanner(stdout); scan.Scan(); {
			lines <- scan.Text()
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		for range lines { // until the goroutine has read all
		}
		_ = cmd.Wait() // says that it was killed
		if t.Failed() {
			t.Logf("the clients say:\n%s", stderr.String())
		}
	})
	return lines
}

// expect waits for these lines of each client, once each and in any order, and
// fails on any other line.
func expect(t *testing.T, lines <-chan string, formats ...string) {
	t.Helper()
	missing := map[string]bool{}
	for _, name := range names {
		for _, format := range formats {
			if name != forgetful {
				missing[fmt.Sprintf(format, name)] = true
			}
		}
	}
	tooLate := time.After(rejoinLimit)
	for len(missing) > 0 {
		select {
		case line, ok := <-lines:
			if !ok {
				t.Fatalf("the clients ended; still missing: %v", missing)
			}
			if !missing[line] {
				t.Fatalf("got %q, want one of %v", line, missing)
			}
			delete(missing, line)
		case <-tooLate:
			t.Fatalf("after %s still missing: %v", rejoinLimit, missing)
		}
	}
}

// broadcast sends {"n":n} to a public topic over HTTP.
func (s server) broadcast(t *testing.T, token, topic string, n int) {
	t.Helper()
	body := fmt.Sprintf(`{"messages":[{"topic":%q,"event":"count","payload":{"n":%d}}]}`, topic, n)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/api/broadcast", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusAccepted {
		t.Fatalf("POST /api/broadcast: %s", res.Status)
	}
}

// postmasters are the main processes of databases below dir, by their arguments.
func postmasters(t *testing.T, dir string) []string {
	t.Helper()
	out, err := exec.Command("ps", "-axww", "-o", "pid=,args=").Output()
	if err != nil {
		t.Fatal(err)
	}
	var pids []string
	for line := range bytes.Lines(out) {
		pid, args, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
		if strings.Contains(args, "postgres") && strings.Contains(args, dir) {
			pids = append(pids, pid)
		}
	}
	return pids
}
