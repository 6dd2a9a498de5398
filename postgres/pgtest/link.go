package pgtest

import (
	"net"
	"sync"
	"time"
)

// link is one connection through a [Proxy]: two sockets that live and die together.
type link struct {
	client, server net.Conn
	once           sync.Once
	over           chan struct{} // closed when it ends
}

// end closes both sides, with a reset if asked: the peers then see a broken connection, not an orderly end.
func (l *link) end(reset bool) {
	l.once.Do(func() {
		close(l.over)
		for _, c := range []net.Conn{l.client, l.server} {
			if tcp, ok := c.(*net.TCPConn); ok && reset {
				_ = tcp.SetLinger(0) // close sends RST
			}
			_ = c.Close()
		}
	})
}

// piece is some bytes on their way, and when they may arrive.
type piece struct {
	bytes []byte
	due   time.Time
}

// inFlight bounds what a direction holds, in pieces of at most pieceBytes; then it stops reading, and TCP pushes back.
const (
	inFlight   = 64
	pieceBytes = 32 << 10
)

// pump passes bytes from one side to the other until either closes, then ends the link.
func (p *Proxy) pump(l *link, from, to net.Conn) {
	queue := make(chan piece, inFlight)
	var writer sync.WaitGroup
	writer.Go(func() { // ends when the queue is closed or the link over
		defer l.end(false)
		for next := range queue {
			if !p.await(l, next.due) {
				return
			}
			if _, err := to.Write(next.bytes); err != nil {
				return
			}
		}
		p.await(l, time.Now()) // an end is held back like bytes
	})
	defer writer.Wait()
	defer close(queue)
	buf := make([]byte, pieceBytes)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			delay, _ := p.state()
			select {
			case queue <- piece{append([]byte(nil), buf[:n]...), time.Now().Add(delay)}:
			case <-l.over:
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// await waits until due and until bytes may flow. It returns false when the link is over.
func (p *Proxy) await(l *link, due time.Time) bool {
	if wait := time.Until(due); wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		select {
		case <-t.C:
		case <-l.over:
			return false
		}
	}
	_, flow := p.state()
	select {
	case <-flow:
		return true
	case <-l.over:
		return false
	}
}
