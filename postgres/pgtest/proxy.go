package pgtest

import (
	"context"
	"io"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"realtime/postgres"
)

// Proxy is a TCP proxy to break connections with. Safe for concurrent use.
type Proxy struct {
	listener net.Listener
	target   string
	running  sync.WaitGroup

	mu      sync.Mutex
	wake    *sync.Cond // told when anything below changes
	links   map[net.Conn]struct{}
	stalled bool
	closed  bool
	refuse  bool
	delay   time.Duration
}

// NewProxy starts a proxy on a loopback port that passes everything to target, host:port. It ends with the test.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	var c net.ListenConfig
	l, err := c.Listen(context.Background(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{listener: l, target: target, links: map[net.Conn]struct{}{}}
	p.wake = sync.NewCond(&p.mu)
	p.running.Go(p.accept) // ends when the listener is closed
	t.Cleanup(p.close)
	return p
}

// ProxyTo starts a proxy to the server of s and returns it with the settings that lead through it.
func ProxyTo(t testing.TB, s postgres.Settings) (*Proxy, postgres.Settings) {
	t.Helper()
	p := NewProxy(t, net.JoinHostPort(s.Host, strconv.Itoa(s.Port)))
	return p, p.Through(s)
}

// Addr returns the proxy's own host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Through returns s with the proxy's address in place of its own.
func (p *Proxy) Through(s postgres.Settings) postgres.Settings {
	addr, _ := p.listener.Addr().(*net.TCPAddr)
	s.Host, s.Port = "127.0.0.1", addr.Port
	return s
}

// Cut resets every connection there is, both ways. New ones are accepted.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut()
}

// Refuse cuts every connection and each new one at once (true), or accepts again (false).
func (p *Proxy) Refuse(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = on
	if on {
		p.cut()
	}
}

// Stall holds all bytes back, in both directions and without closing anything (true), or lets them flow again (false).
func (p *Proxy) Stall(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stalled = on
	p.wake.Broadcast()
}

// Delay holds every piece that arrives from now on back for d before it is passed on, in each direction.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// cut closes all links with a reset. Call with mu held.
func (p *Proxy) cut() {
	for c := range p.links {
		if tc, ok := c.(*net.TCPConn); ok {
			_ = tc.SetLinger(0) // close sends RST: the peer sees a broken connection, not an end
		}
		_ = c.Close()
		delete(p.links, c)
	}
	p.wake.Broadcast()
}

func (p *Proxy) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	p.closed = true
	p.cut()
	p.mu.Unlock()
	p.running.Wait()
}

func (p *Proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.serve(c) }) // ends when either side closes, on Cut and on close
	}
}

func (p *Proxy) serve(client net.Conn) {
	if !p.add(client) {
		return
	}
	var d net.Dialer
	server, err := d.DialContext(context.Background(), "tcp", p.target)
	if err != nil || !p.add(server) {
		p.remove(client)
		return
	}
	p.running.Go(func() { p.pump(server, client) }) // ends like serve
	p.pump(client, server)
}

// pump passes bytes from one side to the other until either closes, then closes both.
func (p *Proxy) pump(from, to net.Conn) {
	defer p.remove(from)
	defer p.remove(to)
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if !p.hold(from) {
				return
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			if err == io.EOF && !p.hold(from) { //nolint:errorlint // Read returns it bare; an end is held back like bytes
				return
			}
			return
		}
	}
}

// hold waits out a delay and a stall. It returns false when the link was cut meanwhile.
func (p *Proxy) hold(c net.Conn) bool {
	p.mu.Lock()
	d := p.delay
	p.mu.Unlock()
	if d > 0 {
		time.Sleep(d)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		if _, live := p.links[c]; !live || p.closed {
			return false
		}
		if !p.stalled {
			return true
		}
		p.wake.Wait()
	}
}

func (p *Proxy) add(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.refuse {
		_ = c.Close()
		return false
	}
	p.links[c] = struct{}{}
	return true
}

func (p *Proxy) remove(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, live := p.links[c]; live {
		_ = c.Close()
		delete(p.links, c)
	}
	p.wake.Broadcast()
}
