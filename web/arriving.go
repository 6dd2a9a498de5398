package web

import (
	"net"
	"time"

	"golang.org/x/time/rate"
)

// connectBurst is how many connections are accepted as fast as they come, when a crowd comes back. After that Options.ConnectRate holds: a
// connection costs a third of a millisecond of a core to open, join and close, and who is here already shall not notice.
const connectBurst = 4000

func newCrowd(perSecond int) *rate.Limiter {
	if perSecond == 0 {
		return rate.NewLimiter(rate.Inf, connectBurst)
	}
	return rate.NewLimiter(rate.Limit(perSecond), connectBurst)
}

// turn waits until one more connection may be accepted. It reports false when the server stops.
func (s *Server) turn() bool {
	wait := s.crowd.Reserve().Delay()
	if wait == 0 {
		return true
	}
	select {
	case <-time.After(wait):
		return true
	case <-s.done:
		return false
	}
}

// Bounds of connections that have not said yet what they want: a head costs a goroutine and a buffer while it comes.
const (
	maxArriving = 4096
	patience    = 2 * time.Second // that one may rely on while there are so many
)

// admit notes nc among those whose head is awaited. While there are as many as may be, the one that has come first goes, closed
// without an answer as one whose time is over; but nobody before Patience has passed, so whoever speaks up at once gets through and
// everybody else waits unaccepted. It reports false when the server stops.
func (s *Server) admit(nc net.Conn) bool {
	for {
		room, wait := s.makeRoom()
		if room {
			return s.join(&s.handshakes, nc)
		}
		select {
		case <-time.After(min(wait, 10*time.Millisecond)):
		case <-s.done:
			return false
		}
	}
}

// makeRoom reports whether one more may arrive, and how long the first one may still be relied on if not.
func (s *Server) makeRoom() (room bool, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.arriving) < s.o.MaxArriving {
		return true, 0
	}
	var first net.Conn
	var came time.Time
	for nc, at := range s.arriving {
		if first == nil || at.Before(came) {
			first, came = nc, at
		}
	}
	if wait = s.o.Patience - time.Since(came); wait > 0 {
		return false, wait
	}
	_ = first.SetReadDeadline(time.Now()) // its goroutine closes it
	delete(s.arriving, first)
	return true, 0
}

// arrived says that the head of nc has come or never will: neither Shutdown nor makeRoom have anything to do with it any more.
func (s *Server) arrived(nc net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.arriving, nc)
}
