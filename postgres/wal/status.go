package wal

import (
	"encoding/binary"
	"errors"
	"math"
	"net"
	"sync/atomic"
	"time"
)

const (
	statusLimit = 10 * time.Second // longest pause between two status updates, and the time one may take to write
	statusPause = time.Second      // pause between two while positions move
	silence     = 2 * time.Minute  // least time without a word, though asked, that means a dead connection
)

// patienceWith returns how long the server may be silent. While it decodes a transaction of which nothing is published
// it looks at our questions only every half wal_sender_timeout, or not at all if there is none.
func patienceWith(senderTimeout time.Duration) time.Duration {
	if senderTimeout == 0 {
		return math.MaxInt64 // the kernel notices, in its own time, that nobody takes our updates
	}
	return max(silence, 2*senderTimeout)
}

// positions are how far the stream has come. The reader writes received, pending and idle; anyone writes confirmed.
type positions struct {
	received  atomic.Uint64 // read from the connection
	pending   atomic.Uint64 // end of the last transaction handed over
	idle      atomic.Uint64 // up to here nothing was to be handed over since pending
	dealt     atomic.Uint64 // dealt with
	confirmed atomic.Uint64 // the part of it that is not kept back
	told      atomic.Uint64 // flushed position last sent; written by the pulse
	late      trail         // dealt with, and kept back
}

// flushed returns up to where the server may forget. While nothing is in flight that is all that was read, so that an
// idle publication holds no WAL in a busy server.
//
// idle is loaded first: whatever was handed over before idle was stored is then seen in pending.
func (p *positions) flushed() LSN {
	return p.reached(&p.confirmed)
}

func (p *positions) reached(by *atomic.Uint64) LSN {
	idle, pending, l := p.idle.Load(), p.pending.Load(), by.Load()
	if l >= pending {
		return LSN(max(l, idle))
	}
	return LSN(l)
}

// raise stores l unless the position is there already.
func raise(p *atomic.Uint64, l LSN) {
	for old := p.Load(); old < uint64(l); old = p.Load() {
		if p.CompareAndSwap(old, uint64(l)) {
			return
		}
	}
}

// pulse tells the server how far the stream has come, again and again until the stream is closed. It is the only writer
// of the connection, so that a reader that waits for room in its chan does not cost the connection, and the only one who
// knows what was told: that must never go back.
type pulse struct {
	conn     net.Conn
	at       *positions
	interval time.Duration // longest pause
	silence  time.Duration

	heard   atomic.Bool   // the reader: a message came since the last look
	waiting atomic.Bool   // the reader: not reading, silence means nothing
	ask     chan struct{} // the server wants an answer now; capacity 1

	sent     time.Time
	received LSN // as last sent
	word     time.Time
}

// newPulse returns a pulse that keeps a walsender with the given wal_sender_timeout happy. 0 is none.
func newPulse(conn net.Conn, at *positions, senderTimeout, silence time.Duration) *pulse {
	interval := statusLimit
	if senderTimeout > 0 {
		interval = max(min(statusLimit, senderTimeout/3), 20*time.Millisecond)
	}
	p := &pulse{conn: conn, at: at, interval: interval, silence: silence, ask: make(chan struct{}, 1)}
	p.waiting.Store(true)
	return p
}

// run sends until closing is closed or the connection fails.
func (p *pulse) run(closing <-chan struct{}) error {
	tick := time.NewTicker(min(p.interval, statusPause))
	defer tick.Stop()
	p.sent, p.word = time.Now(), time.Now()
	for {
		asked := false
		select {
		case <-closing:
			return nil
		case <-p.ask:
			asked = true
		case <-tick.C:
		}
		quiet, err := p.listen()
		if err != nil {
			return err
		}
		raise(&p.at.confirmed, p.at.late.due(time.Now()))
		moved := uint64(p.at.flushed()) > p.at.told.Load() || LSN(p.at.received.Load()) > p.received
		if asked || quiet || moved || time.Since(p.sent) >= p.interval {
			if err := p.send(quiet); err != nil {
				return err
			}
		}
	}
}

// listen reports whether the server has been quiet for so long that it should be asked for a sign of life.
func (p *pulse) listen() (quiet bool, err error) {
	if p.heard.Swap(false) || p.waiting.Load() {
		p.word = time.Now()
	}
	since := time.Since(p.word)
	if since >= p.silence {
		return false, errors.New("the server does not answer")
	}
	return since >= p.silence/4 && time.Since(p.sent) >= min(p.interval, p.silence/8), nil
}

// send writes one status update. question asks the server to answer at once.
func (p *pulse) send(question bool) error {
	p.sent = time.Now()
	raise(&p.at.told, p.at.flushed())
	told := LSN(p.at.told.Load())
	p.received = LSN(p.at.received.Load())
	if err := p.conn.SetWriteDeadline(p.sent.Add(statusLimit)); err != nil {
		return err
	}
	_, err := p.conn.Write(appendStatus(nil, max(p.received, told), told, p.sent, question))
	return err
}

// answer asks for an update now. It never blocks.
func (p *pulse) answer() {
	select {
	case p.ask <- struct{}{}:
	default:
	}
}

// appendStatus appends a CopyData message with a Standby status update
// (https://www.postgresql.org/docs/current/protocol-replication.html).
func appendStatus(dst []byte, written, flushed LSN, at time.Time, question bool) []byte {
	dst = append(dst, 'd')
	dst = binary.BigEndian.AppendUint32(dst, 4+1+8+8+8+8+1)
	dst = append(dst, 'r')
	dst = binary.BigEndian.AppendUint64(dst, uint64(written))
	dst = binary.BigEndian.AppendUint64(dst, uint64(flushed))
	dst = binary.BigEndian.AppendUint64(dst, uint64(flushed)) // applied
	dst = binary.BigEndian.AppendUint64(dst, uint64(at.UnixMicro()-y2k))
	if question {
		return append(dst, 1)
	}
	return append(dst, 0)
}
