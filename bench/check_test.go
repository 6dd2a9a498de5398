package bench

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"realtime/protocol"
)

func TestRecordsRoundTrip(t *testing.T) {
	b := appendRecord([]byte("xx"), 0xabcdef, 0x12345678, 1<<47)
	stream, seq, ok := parseRecord(b[2:])
	if !ok || stream != 0xabcdef || seq != 0x12345678 || recordedAt(b[2:]) != 1<<47 || len(b) != 2+recordLen {
		t.Errorf("got %x %x %v %x", stream, seq, ok, recordedAt(b[2:]))
	}
	b[10] = 'g'
	if _, _, ok := parseRecord(b[2:]); ok {
		t.Error("a digit that is none: got ok")
	}
}

// listener is a connection that belongs to a reactor without a thread.
func listener() *conn {
	c := &conn{r: &reactor{origin: time.Now()}, version: protocol.V2}
	c.expect(0, 1)
	c.hear(0)
	return c
}

// delivery is a server's frame with one record.
func delivery(seq uint32, size int) []byte {
	body := newBody(size, 0)
	stamp(body[bytes.IndexByte(body, recordOpen):], seq, 0)
	b := protocol.Broadcast{Form: protocol.FormUserJSON, Event: []byte(event), Payload: body}
	return b.AppendFrame(nil, protocol.V2, protocol.Ref{}, topicOf(0), protocol.AppendString(nil, topicOf(0)))
}

func TestLossesDoublesAndDisorderAreSeen(t *testing.T) {
	for name, c := range map[string]struct {
		got  []uint32
		want Tally
	}{
		"in order":        {[]uint32{0, 1, 2}, Tally{Delivered: 3}},
		"one lost":        {[]uint32{0, 2, 3}, Tally{Delivered: 3, Lost: 1}},
		"the first lost":  {[]uint32{2}, Tally{Delivered: 1, Lost: 2}},
		"one doubled":     {[]uint32{0, 1, 1}, Tally{Delivered: 3, Doubled: 1}},
		"two exchanged":   {[]uint32{0, 2, 1, 3}, Tally{Delivered: 4, Disordered: 1}},
		"late and double": {[]uint32{0, 2, 1, 1}, Tally{Delivered: 4, Disordered: 1, Doubled: 1}},
	} {
		l := listener()
		for _, seq := range c.got {
			l.feed(delivery(seq, 100))
		}
		if l.r.tally != c.want {
			t.Errorf("%s: got %+v, want %+v", name, l.r.tally, c.want)
		}
	}
	l := listener()
	l.feed(delivery(0, 100))
	if n := l.owing(func(uint32) uint32 { return 3 }); n != 2 {
		t.Errorf("got %d owing, want the last 2 of 3", n)
	}
}

// TestFramesAreCutHoweverTheyCome feeds the same bytes in random pieces.
func TestFramesAreCutHoweverTheyCome(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for _, all := range []bool{false, true} {
		var stream []byte
		const n = 60
		for seq := range uint32(n) {
			stream = append(stream, delivery(seq, []int{0, 100, 200, 40_000, 70_000}[random.IntN(5)])...)
		}
		l := listener()
		l.all = all
		for len(stream) > 0 {
			k := min(len(stream), 1+random.IntN([]int{1, 3, 300, 100_000}[random.IntN(4)]))
			l.feed(stream[:k])
			stream = stream[k:]
		}
		if want := (Tally{Delivered: n}); l.r.tally != want {
			t.Errorf("all %v: got %+v, want %+v", all, l.r.tally, want)
		}
	}
}

func TestPacedMessagesCarryTheTimeTheyWereDue(t *testing.T) {
	c := listener()
	p := newPublisher(c, appendBroadcast(nil, protocol.V2, 1, topicOf(0), newBody(100, 0)))
	if at := bytes.IndexByte(p.frame, recordOpen); at != p.record {
		t.Fatalf("record at %d, want %d", p.record, at)
	}
	p.appendNext(nil, 12345)
	if got := recordedAt(p.frame[p.record:]); got != 12345 {
		t.Errorf("got %d, want 12345", got)
	}
}

func TestRatiosPairRepetitions(t *testing.T) {
	result := func(v float64) *Result {
		r := &Result{Scenario: "fanout", Server: "x"}
		r.cost("c", v, "s", "")
		return r
	}
	got := Ratios([]*Result{result(1), result(10), result(100)}, []*Result{result(2), result(10), result(50)})
	if len(got) != 1 || got[0].Median != 1 || got[0].Min != 0.5 || got[0].Max != 2 || got[0].Pairs != 3 {
		t.Errorf("got %+v", got)
	}
}
