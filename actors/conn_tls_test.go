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
	"testing/synctest"
	"time"
)

// certificate is one for tests.
func certificate() []tls.Certificate {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	return server.TLS.Certificates
}

// tlsPair is a Conn and its peer over TLS.
func tlsPair(t testing.TB, o ConnOptions) (*Conn, *tls.Conn) {
	t.Helper()
	c, far := pair(t, ConnOptions{})
	_ = far.SetReadBuffer(32 << 10)
	near, peer := encrypted(t, certificate(), c.Conn, far)
	return NewConn(near, o), peer
}

// encrypted puts TLS over both ends of a connection.
func encrypted(t testing.TB, certificates []tls.Certificate, near, far net.Conn) (server, client *tls.Conn) {
	t.Helper()
	server = tls.Server(near, &tls.Config{Certificates: certificates})
	client = tls.Client(far, &tls.Config{InsecureSkipVerify: true})
	shaken := make(chan error, 1)
	go func() { shaken <- server.Handshake() }() // ends with the handshake
	if err := errors.Join(client.Handshake(), <-shaken); err != nil {
		t.Fatal(err)
	}
	return server, client
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

// TestTLSConnWaitsForAPeerThatMoves: one message takes many times Stall, but the peer goes on taking of it. In virtual
// time, over a pipe, so that no busy machine can stall it.
func TestTLSConnWaitsForAPeerThatMoves(t *testing.T) {
	certificates := certificate()
	synctest.Test(t, func(t *testing.T) {
		const stall, size = time.Second, 2 << 20
		server, client := net.Pipe()
		near, far := encrypted(t, certificates, server, client)
		c := NewConn(near, ConnOptions{Stall: stall, OnCut: func(r CutReason, _ int) { t.Errorf("cut because %s", r) }})
		begun := time.Now()
		c.Send(make([]byte, size))
		_ = c.Close()
		b := make([]byte, 32<<10)
		for got := 0; got < size; {
			n, err := io.ReadFull(far, b)
			if got += n; err != nil {
				t.Fatalf("after %d bytes: %v", got, err)
			}
			pause(stall / 4)
		}
		if took := time.Since(begun); took < 10*stall {
			t.Errorf("took %s: this peer was not slow", took)
		}
		_, _ = io.Copy(io.Discard, far)
		_ = far.Close()
	})
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
