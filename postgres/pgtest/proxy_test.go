package pgtest_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"realtime/postgres/pgtest"
)

// echo is a server that sends every line back.
func echo(t *testing.T) string {
	t.Helper()
	var c net.ListenConfig
	l, err := c.Listen(t.Context(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() { // ends when the listener is closed
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { // ends with its connection
				_, _ = io.Copy(conn, conn)
				_ = conn.Close()
			})
		}
	})
	t.Cleanup(func() { // after the proxy's own, which ends the connections
		_ = l.Close()
		running.Wait()
	})
	return l.Addr().String()
}

type peer struct {
	net.Conn
	lines *bufio.Reader
}

func dial(t *testing.T, addr string) *peer {
	t.Helper()
	var d net.Dialer
	c, err := d.DialContext(t.Context(), "tcp4", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return &peer{c, bufio.NewReader(c)}
}

func (p *peer) send(t *testing.T, line string) {
	t.Helper()
	if _, err := io.WriteString(p, line+"\n"); err != nil {
		t.Fatal(err)
	}
}

func (p *peer) want(t *testing.T, line string) {
	t.Helper()
	if got, err := p.lines.ReadString('\n'); err != nil || got != line+"\n" {
		t.Fatalf("got %q, %v, want %q", got, err, line)
	}
}

func TestProxyPassesAndCuts(t *testing.T) {
	p := pgtest.NewProxy(t, echo(t))
	a, b := dial(t, p.Addr()), dial(t, p.Addr())
	for _, c := range []*peer{a, b} {
		c.send(t, "hello")
		c.want(t, "hello")
	}
	if n := p.Connections(); n != 2 {
		t.Errorf("%d connections", n)
	}
	p.Cut()
	for _, c := range []*peer{a, b} {
		if _, err := c.lines.ReadByte(); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("after the cut: got %v", err)
		}
	}
	c := dial(t, p.Addr())
	c.send(t, "again")
	c.want(t, "again")
}

func TestProxyPassesAnOrderlyEnd(t *testing.T) {
	p := pgtest.NewProxy(t, echo(t))
	c := dial(t, p.Addr())
	big := strings.Repeat("x", 5<<20)
	go func() { _, _ = io.WriteString(c, big+"\n") }() // ends when all is written; a failure shows in what comes back
	c.want(t, big)
	_ = c.Close()
	for deadline := time.Now().Add(30 * time.Second); p.Connections() != 0; {
		if time.Now().After(deadline) {
			t.Fatal("the proxy keeps a connection that has ended")
		}
		time.Sleep(time.Millisecond)
	}
}

func TestProxyStalls(t *testing.T) {
	p := pgtest.NewProxy(t, echo(t))
	c := dial(t, p.Addr())
	p.Stall(true)
	p.Stall(true)
	c.send(t, "late")
	if err := c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if got, err := c.lines.ReadString('\n'); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("while stalled: got %q, %v", got, err)
	}
	if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	p.Stall(false)
	p.Stall(false)
	c.want(t, "late")

	p.Stall(true)
	c.send(t, "lost")
	p.Cut()
	if _, err := c.lines.ReadByte(); err == nil {
		t.Error("a stalled connection survived the cut")
	}
}

func TestProxyDelayIsLatencyNotSlowness(t *testing.T) {
	p := pgtest.NewProxy(t, echo(t))
	c := dial(t, p.Addr())
	const d = 200 * time.Millisecond
	p.Delay(d)
	began := time.Now()
	for range 50 { // one after the other without waiting: they share the delay
		c.send(t, "x")
		time.Sleep(time.Millisecond)
	}
	for range 50 {
		c.want(t, "x")
	}
	took := time.Since(began)
	if took < 2*d {
		t.Errorf("there and back took %v, want at least %v", took, 2*d)
	}
	if took > 50*d {
		t.Errorf("50 lines took %v: the delays add up", took)
	}
}

func TestProxyRefuses(t *testing.T) {
	p := pgtest.NewProxy(t, echo(t))
	a := dial(t, p.Addr())
	p.Refuse(true)
	if _, err := a.lines.ReadByte(); err == nil {
		t.Error("the old connection lives on")
	}
	var d net.Dialer
	if b, err := d.DialContext(t.Context(), "tcp4", p.Addr()); err == nil { // else the reset came while it still dialled
		t.Cleanup(func() { _ = b.Close() })
		if err := b.SetDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if n, err := b.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a new connection lives: %d bytes, %v", n, err)
		}
	}
	p.Refuse(false)
	c := dial(t, p.Addr())
	c.send(t, "back")
	c.want(t, "back")
}
