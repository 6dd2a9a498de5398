package actors

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// tlsPair is a Conn and its peer over TLS.
func tlsPair(t testing.TB, o ConnOptions) (*Conn, *tls.Conn) {
	t.Helper()
	server := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
	defer server.Close()
	var near net.Conn
	c, far := pair(t, ConnOptions{})
	near = tls.Server(c.Conn, &tls.Config{Certificates: server.TLS.Certificates})
	peer := tls.Client(far, &tls.Config{InsecureSkipVerify: true})
	shaken := make(chan error, 1)
	go func() { shaken <- near.(*tls.Conn).Handshake() }() // ends with the handshake
	if err := errors.Join(peer.Handshake(), <-shaken); err != nil {
		t.Fatal(err)
	}
	_ = far.SetReadBuffer(32 << 10)
	return NewConn(near, o), peer
}

func TestTLSConnKeepsOrderToAPeerThatReadsLate(t *testing.T) {
	c, far := tlsPair(t, ConnOptions{MaxBehind: 64 << 20})
	keepsOrder(t, c, far)
}

func TestTLSConnCutsAPeerThatStandsStill(t *testing.T) {
	var why atomic.Value
	c, _ := tlsPair(t, ConnOptions{Stall: 100 * time.Millisecond, OnCut: func(r CutReason, _ int) { why.Store(r) }})
	c.Send(make([]byte, 16<<20))
	for deadline := time.Now().Add(20 * time.Second); why.Load() == nil; pause(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not cut")
		}
	}
	if why.Load() != CutStalled {
		t.Errorf("cut because %v, want %v", why.Load(), CutStalled)
	}
}

// TestTLSConnWaitsForAPeerThatMoves: one message takes many times Stall, but the peer goes on taking of it.
func TestTLSConnWaitsForAPeerThatMoves(t *testing.T) {
	const stall, size = 400 * time.Millisecond, 8 << 20
	c, far := tlsPair(t, ConnOptions{Stall: stall, OnCut: func(r CutReason, _ int) { t.Errorf("cut because %s", r) }})
	begun := time.Now()
	c.Send(make([]byte, size))
	_ = c.Close()
	b := make([]byte, 512<<10)
	for got := 0; got < size; {
		n, err := io.ReadFull(far, b)
		if got += n; err != nil {
			t.Fatalf("after %d bytes: %v", got, err)
		}
		pause(stall / 8)
	}
	if took := time.Since(begun); took < 3*stall/2 {
		t.Errorf("took %s: this peer was not slow", took)
	}
}

// TestTLSConnClosesWithoutWaiting: a goodbye for which there is no room holds nobody up.
func TestTLSConnClosesWithoutWaiting(t *testing.T) {
	c, _ := tlsPair(t, ConnOptions{})
	under := c.Conn.(*tls.Conn).NetConn()
	_ = under.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
	_, _ = under.Write(make([]byte, 32<<20)) // fills the kernel's buffers
	_ = under.SetWriteDeadline(time.Time{})
	begun := time.Now()
	_ = c.Close()
	if c.Send([]byte("late")) {
		t.Error("a closed connection takes bytes")
	}
	if took := time.Since(begun); took > 4*time.Second {
		t.Errorf("closing took %s", took)
	}
}
