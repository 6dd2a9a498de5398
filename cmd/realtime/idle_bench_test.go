package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"realtime/protocol"
	"realtime/protocol/client"
	"realtime/tenancy"
)

// BenchmarkIdleConnection measures what a connection costs that has joined one
// channel and is silent: resident memory of the server process, which runs on its
// own, divided by connections. Each has a topic shared with nine others.
func BenchmarkIdleConnection(b *testing.B) {
	for _, n := range []int{1000} {
		b.Run(fmt.Sprintf("conns=%d", n), func(b *testing.B) {
			for b.Loop() {
				b.ReportMetric(idleCost(b, n), "B/conn")
			}
		})
	}
}

func idleCost(b *testing.B, n int) float64 {
	s := startBinary(b)
	warm := s.connect(b, 50, 0) // what the first connections bring up is not theirs alone
	before := s.resident(b)
	conns := s.connect(b, n, 50)
	time.Sleep(2 * time.Second) //nolint:forbidigo // lets the server settle; nothing tells when it has
	after := s.resident(b)
	b.Logf("%d connections: %d KiB, then %d KiB resident", n, before>>10, after>>10)
	for _, c := range append(warm, conns...) {
		c.Close()
	}
	return float64(after-before) / float64(n)
}

// binary is a server process on a data directory of its own.
type binary struct {
	cmd   *exec.Cmd
	port  string
	token string
}

func startBinary(b *testing.B) *binary {
	dir, err := os.MkdirTemp("", "realtime-bench-")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(dir, "realtime")
	build := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, out)
	}
	secret := strings.Repeat("s", 40)
	s := &binary{port: freePort(b), cmd: exec.Command(path, "serve")}
	s.cmd.Env = append(os.Environ(), "PORT="+s.port, "REALTIME_DATA_DIR="+filepath.Join(dir, "data"), "API_JWT_SECRET="+secret, "DB_HOST=", "LOG_LEVEL=error")
	var errs bytes.Buffer
	s.cmd.Stderr = &errs
	if err := s.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = s.cmd.Process.Signal(os.Interrupt)
		_ = s.cmd.Wait()
	})
	for deadline := time.Now().Add(time.Minute); !healthy(b.Context(), net.JoinHostPort("localhost", s.port)); time.Sleep(20 * time.Millisecond) { //nolint:forbidigo // polls another process
		if time.Now().After(deadline) {
			b.Fatalf("the server does not get ready:\n%s", errs.String())
		}
	}
	s.token, err = tenancy.Sign([]byte(secret), map[string]any{"role": "anon", "exp": time.Now().Add(time.Hour).Unix()})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// connect opens n connections, each joined to one topic.
func (s *binary) connect(b *testing.B, n, from int) []*client.Client {
	conns := make([]*client.Client, 0, n)
	for i := range n {
		c, err := client.Dial(b.Context(), client.Options{URL: "ws://localhost:" + s.port, APIKey: s.token, Version: protocol.V2, Buffer: 1})
		if err != nil {
			b.Fatal(err)
		}
		conns = append(conns, c)
		if _, err := c.Join(b.Context(), fmt.Sprintf("realtime:idle-%d", (from+i)/10), nil); err != nil {
			b.Fatal(err)
		}
	}
	return conns
}

// resident is the server's resident memory in bytes.
func (s *binary) resident(b *testing.B) int64 {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		b.Skip("only where /proc tells of memory")
	}
	for line := range strings.Lines(string(content)) {
		if kb, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.ParseInt(strings.Fields(kb)[0], 10, 64)
			if err != nil {
				b.Fatal(err)
			}
			return n << 10
		}
	}
	b.Fatal("no VmRSS")
	return 0
}
