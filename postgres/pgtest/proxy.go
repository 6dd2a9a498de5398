package pgtest

import (
	"context"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"realtime/postgres"
)

// Proxy passes TCP connections on to a server and breaks them in the ways that networks do. Safe for concurrent use.
type Proxy struct {
	listener net.Listener
	target   string
	running  sync.WaitGroup

	mu     sync.Mutex
	links  map[*link]struct{}
	refuse bool
	delay  time.Duration
	flow   chan struct{} // closed while bytes may flow
}

// NewProxy starts a proxy on a loopback port of its own that passes everything to target, host:port. It ends with the test.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	var c net.ListenConfig
	l, err := c.Listen(t.Context(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{listener: l, target: target, links: map[*link]struct{}{}, flow: make(chan struct{})}
	close(p.flow)
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
	addr, _ := p.listener.Addr().(*net.TCPAddr) // we made it one
	s.Host, s.Port = "127.0.0.1", addr.Port
	return s
}

// Cut resets every connection there is, both ways, and loses what is on the way. New connections are accepted.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.end(true)
	}
}

// Refuse cuts every connection and each new one at once (true), or accepts again (false).
func (p *Proxy) Refuse(on bool) {
	p.mu.Lock()
	p.refuse = on
	p.mu.Unlock()
	if on {
		p.Cut()
	}
}

// Stall holds all bytes back, in both directions and without closing anything (true), or lets them flow again (false).
func (p *Proxy) Stall(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	stalled := false
	select {
	case <-p.flow:
	default:
		stalled = true
	}
	switch {
	case on && !stalled:
		p.flow = make(chan struct{})
	case !on && stalled:
		close(p.flow)
	}
}

// Delay passes every byte that arrives from now on d later, in each direction: a longer wire, not a slower one.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// Connections returns how many connections pass through the proxy now.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.links)
}

func (p *Proxy) close() {
	_ = p.listener.Close()
	p.Refuse(true)
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
	var d net.Dialer
	server, err := d.DialContext(context.Background(), "tcp", p.target)
	if err != nil {
		_ = client.Close()
		return
	}
	l := &link{client: client, server: server, over: make(chan struct{})}
	p.mu.Lock()
	if p.refuse {
		l.end(true)
	} else {
		p.links[l] = struct{}{}
	}
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { p.pump(l, client, server) }) // both end with the link
	both.Go(func() { p.pump(l, server, client) })
	both.Wait()
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
}

// state returns what holds for a byte that arrives now, and for one that is due now.
func (p *Proxy) state() (delay time.Duration, flow <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.delay, p.flow
}
