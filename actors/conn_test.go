package actors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"realtime/protocol"
)

// pair is a Conn and its peer over real TCP.
func pair(t testing.TB, o ConnOptions) (*Conn, *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	far, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	near, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = far.Close(); _ = near.Close() })
	return NewConn(near, o), far.(*net.TCPConn)
}

func TestConnKeepsOrderToAPeerThatReadsLate(t *testing.T) {
	c, far := pair(t, ConnOptions{MaxBehind: 64 << 20})
	keepsOrder(t, c, far)
	if c.Send(make([]byte, 64)) {
		t.Error("a closed connection takes bytes")
	}
}

// keepsOrder sends more than any buffer holds, closes, and reads all of it at the far end, then the end.
func keepsOrder(t *testing.T, c *Conn, far io.Reader) {
	t.Helper()
	const n = 40_000
	for i := range n {
		var b [64]byte
		binary.BigEndian.PutUint32(b[:], uint32(i))
		if !c.Send(b[:]) {
			t.Fatalf("message %d refused", i)
		}
	}
	_ = c.Close() // what was accepted still goes out
	var b [64]byte
	for i := range n {
		if _, err := io.ReadFull(far, b[:]); err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
		if got := binary.BigEndian.Uint32(b[:]); got != uint32(i) {
			t.Fatalf("got message %d, want %d", got, i)
		}
	}
	if _, err := far.Read(b[:]); !errors.Is(err, io.EOF) {
		t.Errorf("after the last message: %v, want the end", err)
	}
}

// One message of any allowed size reaches a peer that keeps reading, however slowly, and what waits behind it is
// bounded apart from it.
func TestLargeMessageDoesNotCutSlowReaders(t *testing.T) {
	var cuts atomic.Int32
	c, far := pair(t, ConnOptions{OnCut: func(CutReason, int) { cuts.Add(1) }})
	large := protocol.AppendPush(nil, protocol.V2, protocol.Ref{}, []byte(`"realtime:r"`), "broadcast", bytes.Repeat([]byte("1"), 3_000_000))
	c.Send(large)
	for range 1000 {
		c.Send([]byte("small message behind the large one"))
	}
	want := len(large) + 1000*34
	got, buf := 0, make([]byte, 32<<10)
	for got < want {
		n, err := far.Read(buf)
		if err != nil {
			t.Fatalf("after %d of %d bytes: %v", got, want, err)
		}
		got += n
		pause(2 * time.Millisecond)
	}
	if n := cuts.Load(); n != 0 {
		t.Errorf("cut %d times", n)
	}
}

func TestPeerThatDoesNotReadIsCutInBytes(t *testing.T) {
	why := make(chan CutReason, 1)
	c, _ := pair(t, ConnOptions{OnCut: func(r CutReason, behind int) {
		if behind > maxBehind+2*(64<<10) { // the batch that is next, and the one that went over the bound
			t.Errorf("%d bytes waited, the bound is %d", behind, maxBehind)
		}
		why <- r
	}})
	b := make([]byte, 64<<10)
	for range 1000 {
		if !c.Send(b) {
			break
		}
	}
	if got := <-why; got != CutBehind {
		t.Errorf("cut because %s, want %s", got, CutBehind)
	}
}

// In virtual time, over a pipe, so that no busy machine can stall the peer.
func TestPeerWithoutProgressIsCutInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		why := make(chan CutReason, 1)
		near, far := net.Pipe()
		c := NewConn(near, ConnOptions{Stall: time.Second, MaxBehind: 64 << 20, OnCut: func(r CutReason, _ int) { why <- r }})
		c.Send(make([]byte, 16<<20))
		for range 30 { // progress, however little, is a reason to wait
			pause(700 * time.Millisecond)
			if _, err := io.CopyN(io.Discard, far, 100); err != nil {
				t.Fatalf("a peer that reads was cut: %v", err)
			}
		}
		begun := time.Now()
		if got := <-why; got != CutStalled {
			t.Errorf("cut because %s, want %s", got, CutStalled)
		}
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("cut after %v", took)
		}
		_ = far.Close()
	})
}

// The close frame of a cut follows what is in transit, for a peer that moves after all.
func TestCutPeerThatMovesSeesTheCloseCode(t *testing.T) {
	c, far := pair(t, ConnOptions{MaxBehind: 1000})
	c.Send(make([]byte, 8<<20))
	for c.Send(make([]byte, 500)) {
	}
	all, err := io.ReadAll(far)
	if err != nil {
		t.Fatal(err)
	}
	want := protocol.AppendWSClose(nil, closeTooSlow, "too slow: unsent messages passed the bound")
	if !bytes.HasSuffix(all, want) || len(all) != 8<<20+len(want) {
		t.Errorf("%d bytes ending in %q", len(all), all[max(0, len(all)-60):])
	}
}

func TestWriteKeepsItsOwnCopy(t *testing.T) {
	c, far := pair(t, ConnOptions{MaxBehind: 64 << 20})
	b := bytes.Repeat([]byte("a"), 8<<20)
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
	clear(b)
	_ = c.Close()
	got, err := io.ReadAll(far)
	if err != nil {
		t.Fatal(err)
	}
	if i := bytes.IndexByte(got, 0); i >= 0 || len(got) != 8<<20 {
		t.Errorf("%d bytes, first spoiled at %d", len(got), i)
	}
}
