package bench

import (
	"encoding/binary"
	"fmt"
	"strconv"

	"realtime/protocol"
	"realtime/protocol/client"
)

// anySeq in conn.next stands for "whatever comes first".
const anySeq = ^uint32(0)

// maxMissing bounds how many lost messages of one connection are remembered one by one.
const maxMissing = 1 << 16

// conn is one connection. After it was added to its reactor it belongs to the reactor's thread.
type conn struct {
	r       *reactor
	fd      int
	id      int // its number among the run's
	version protocol.Version
	in      inbox
	out     []byte // what the socket did not take yet
	all     bool   // messages hold many records, not one
	sampled bool   // its latencies are noted
	dated   bool   // its messages say when their row was committed
	stalled bool   // it never reads
	leaving bool   // its end is wanted
	gone    bool

	base    uint32   // the first stream it hears
	next    []uint32 // the number that comes next, stream by stream
	missing map[uint64]struct{}

	refs      int
	waiting   map[string]func(client.Event) // requests by their ref
	onRecord  func(stream, seq uint32)      // instead of checking the order
	onControl func(client.Event)            // replies and everything else without a record
	onGone    func()
}

// expect says which streams the connection hears, from whatever number on.
func (c *conn) expect(base uint32, streams int) {
	c.base, c.next = base, make([]uint32, streams)
	for i := range c.next {
		c.next[i] = anySeq
	}
}

// hear expects a stream from its first message on.
func (c *conn) hear(stream uint32) { c.next[stream-c.base] = 0 }

// record takes the record at the start of b, the only thing in a message that is looked at.
func (c *conn) record(b []byte) {
	t := &c.r.tally
	stream, seq, ok := parseRecord(b)
	if !ok {
		t.Foreign++
		return
	}
	if c.onRecord != nil {
		t.Delivered++
		c.onRecord(stream, seq)
		return
	}
	i := stream - c.base
	if i >= uint32(len(c.next)) {
		t.Foreign++
		return
	}
	t.Delivered++
	if want := c.next[i]; seq == want || want == anySeq {
		c.next[i] = seq + 1
	} else {
		c.outOfTurn(i, seq, want)
	}
	if c.sampled {
		c.r.latency.add(c.r.now, recordedAt(b))
	}
}

// outOfTurn takes a number that is not the next one.
func (c *conn) outOfTurn(i, seq, want uint32) {
	t := &c.r.tally
	key := func(n uint32) uint64 { return uint64(i)<<32 | uint64(n) }
	if seq < want {
		if _, was := c.missing[key(seq)]; was {
			delete(c.missing, key(seq))
			t.Lost--
			t.Disordered++
		} else {
			t.Doubled++
		}
		return
	}
	if c.missing == nil {
		c.missing = map[uint64]struct{}{}
	}
	for n := want; n < seq && len(c.missing) < maxMissing; n++ {
		c.missing[key(n)] = struct{}{}
	}
	t.Lost += int64(seq - want)
	c.next[i] = seq + 1
}

// owing returns how many messages of its streams, sent up to the given numbers, never came.
func (c *conn) owing(sent func(stream uint32) uint32) (n int64) {
	for i, next := range c.next {
		if last := sent(c.base + uint32(i)); next != anySeq && last > next {
			n += int64(last - next)
		}
	}
	return n
}

// control takes a message without a record.
func (c *conn) control(binary bool, p []byte) {
	if c.version == 0 {
		return // a peer that speaks something else
	}
	e, err := client.Decode(c.version, p, binary)
	if err != nil {
		c.r.tally.Foreign++
		return
	}
	if answered := c.waiting[e.Ref]; answered != nil && e.Event == protocol.EventReply {
		delete(c.waiting, e.Ref)
		answered(e)
		return
	}
	if c.onControl != nil {
		c.onControl(e)
	}
}

// await has f called with the reply to ref.
func (c *conn) await(ref int, f func(client.Event)) {
	if c.waiting == nil {
		c.waiting = map[string]func(client.Event){}
	}
	c.waiting[strconv.Itoa(ref)] = f
}

// push sends a message in text form and returns its ref.
func (c *conn) push(joinRef int, topic, event string, payload []byte) int {
	c.refs++
	c.send(appendPush(nil, c.version, joinRef, c.refs, topic, event, payload))
	return c.refs
}

// join sends a phx_join and returns its ref, which is the join_ref too.
func (c *conn) join(topic string, payload []byte) int {
	c.refs++
	c.send(appendPush(nil, c.version, c.refs, c.refs, topic, protocol.EventJoin, payload))
	return c.refs
}

func (c *conn) heartbeat() {
	c.push(0, "phoenix", "heartbeat", protocol.EmptyObject)
}

// closedBy takes a close frame.
func (c *conn) closedBy(p []byte) {
	why := "without a code"
	if len(p) >= 2 {
		why = fmt.Sprintf("%d %s", binary.BigEndian.Uint16(p), p[2:])
	}
	c.end("closed by the server: " + why)
}
