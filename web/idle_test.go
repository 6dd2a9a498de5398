package web

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"realtime/actors"
	"realtime/tests/frames"
)

// idleVariable makes this test binary a client: address and token of the server, and how many sockets to open.
const idleVariable = "WEB_TEST_IDLE_CLIENT"

// TestIdleClient is no test: BenchmarkIdleSockets runs it in a process of its own, so that the clients' memory is not counted.
func TestIdleClient(t *testing.T) {
	args := strings.Fields(os.Getenv(idleVariable))
	if len(args) != 3 {
		t.Skip("only for BenchmarkIdleSockets")
	}
	n, err := strconv.Atoi(args[2])
	if err != nil {
		t.Fatal(err)
	}
	h := &house{addr: args[0]}
	for i := range n {
		c, r, body := h.upgrade(t, target("vsn=2.0.0&apikey="+args[1]), host)
		if r.StatusCode != 101 {
			t.Fatalf("socket %d: %d %s", i, r.StatusCode, body)
		}
		topic := "realtime:room-" + strconv.Itoa(i%100)
		c.frame(t, frames.Text, `["1","1","`+topic+`","phx_join",{"config":{"broadcast":{"ack":false,"self":false},"presence":{"key":"","enabled":false},"private":false},"access_token":"`+args[1]+`"}]`)
		c.want(t, `["1","1","`+topic+`","phx_reply",{"status":"ok","response":{"postgres_changes":[]}}]`)
	}
	fmt.Println("joined")
	_, _ = io.Copy(io.Discard, os.Stdin) // until the benchmark has measured
}

// BenchmarkIdleSockets reports the resident memory and the goroutines of a socket that has joined one channel and says nothing.
// Run it with -benchtime 1x. The smaller number has the server's own pools and threads in it; the budget is for the larger one.
func BenchmarkIdleSockets(b *testing.B) {
	for _, n := range []int{1000, 10_000} {
		b.Run("sockets="+strconv.Itoa(n), func(b *testing.B) {
			if limit := fileLimit(); limit > 0 && limit < int64(n)+200 {
				b.Skipf("only %d files may be open", limit)
			}
			h := open(b, func(w *Options, a *actors.Options) { w.Log, a.Log = nil, nil })
			h.change(b, "abc", `"max_concurrent_users":100000,"max_joins_per_second":100000`)
			h.socket(b) // what the first one brings to life is not per socket
			for b.Loop() {
				rss, goroutines := resident(b), runtime.NumGoroutine()
				stop := idleClients(b, h, n)
				b.ReportMetric(float64(resident(b)-rss)/float64(n), "B/socket")
				b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/float64(n), "goroutines/socket")
				stop()
			}
		})
	}
}

// idleClients opens n sockets from another process and returns what closes them.
func idleClients(b *testing.B, h *house, n int) (stop func()) {
	cmd := exec.CommandContext(b.Context(), os.Args[0], "-test.run", "^TestIdleClient$", "-test.v")
	cmd.Env = append(os.Environ(), idleVariable+"="+h.addr+" "+token(b)+" "+strconv.Itoa(n))
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	var said strings.Builder
	lines := bufio.NewScanner(io.TeeReader(out, &said))
	for joined := false; !joined; joined = lines.Text() == "joined" {
		if !lines.Scan() {
			b.Fatalf("the clients ended: %s", said.String())
		}
	}
	return func() {
		_ = in.Close()
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait() // it was the benchmark that ended it
	}
}

// resident is this process's memory in bytes, after giving back what it does not use.
func resident(b *testing.B) int64 {
	runtime.GC()
	debug.FreeOSMemory()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip("only where there is /proc")
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	fields := strings.Fields(rest)
	kb, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return kb << 10
}
