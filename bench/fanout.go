package bench

import (
	"fmt"
	"time"
)

const topicPrefix = "realtime:"

// topicOf is the topic of channel i.
func topicOf(i int) string { return fmt.Sprintf(topicPrefix+"bench-%d", i) }

// quiet is the join of somebody who wants broadcasts and nothing else, not even its own.
var quiet = []byte(`{"config":{"broadcast":{"ack":false,"self":false},"presence":{"key":"","enabled":false},"private":false}}`)

// perPublisher is how many channels one publishing connection has at most.
const perPublisher = 100

// crowd is the audience of broadcasts and those who send them.
type crowd struct {
	listeners []*conn
	seats     []*seat      // of the listeners
	speakers  []*conn      // listeners who publish as well
	pubs      []*publisher // one for each channel: publisher i sends stream i
	blast     *blast
	fan       int // receivers of each message
}

// fanout sends broadcasts to channels, each with its share of the subscribers.
func fanout(s *session) error {
	cr, err := s.speak()
	if err != nil {
		return err
	}
	sp := s.measure()
	s.halt(cr)
	s.drain(cr.sent)
	s.conclude(sp, s.o.Rate > 0)
	return nil
}

// speak gathers a crowd and begins to publish to it.
func (s *session) speak() (*crowd, error) {
	cr, err := s.gather()
	if err != nil {
		return nil, err
	}
	if err := s.publishers(cr); err != nil {
		return nil, err
	}
	s.start(cr)
	return cr, nil
}

// gather opens the connections of a fan-out and joins them. Subscriber i is in channels i·k to i·k+k-1, round and round.
func (s *session) gather() (*crowd, error) {
	o, cr := &s.o, new(crowd)
	var err error
	if cr.listeners, err = s.connect(o.Subscribers, func(i int) opening { return opening{version: o.version(i), role: roleSubscriber} }); err != nil {
		return nil, err
	}
	step := max(1, len(cr.listeners)/50)
	var seats []*seat
	for i, c := range cr.listeners {
		c.sampled = i%step == 0
		c.all = s.t.peer != nil && s.t.peer.many()
		if o.PerSocket == 1 {
			c.expect(uint32(i%o.Channels), 1)
		} else {
			c.expect(0, o.Channels)
		}
		for k := range o.PerSocket {
			ch := (i*o.PerSocket + k) % o.Channels
			c.hear(uint32(ch))
			seats = append(seats, &seat{c: c, topic: topicOf(ch), payload: quiet})
		}
	}
	cr.fan = max(len(seats)/o.Channels, 1)
	cr.seats = seats
	return cr, s.join(seats)
}

// publishers opens the connections that send.
func (s *session) publishers(cr *crowd) error {
	o := &s.o
	n := (o.Channels + perPublisher - 1) / perPublisher
	conns, err := s.connect(n, func(i int) opening { return opening{version: o.version(2 * i), role: rolePublisher} })
	if err != nil {
		return err
	}
	var seats []*seat
	for ch := range o.Channels {
		seats = append(seats, &seat{c: conns[ch/perPublisher], topic: topicOf(ch), payload: quiet})
	}
	if s.t.peer == nil {
		if err := s.join(seats); err != nil {
			return err
		}
	}
	for ch, st := range seats {
		cr.pubs = append(cr.pubs, newPublisher(st.c, broadcastFrame(s.t, st.c.version, st.ref, st.topic, o.Payload, uint32(ch))))
	}
	return nil
}

// start begins to publish. All publishers belong to the first thread.
func (s *session) start(cr *crowd) {
	b := &blast{pubs: cr.pubs, fan: int64(cr.fan), inFlight: int64(s.o.Outstanding), several: len(s.reactors) > 1}
	if s.o.Rate > 0 {
		b.interval = float64(time.Second) / s.o.Rate
	}
	first := s.reactors[0]
	base := s.settled().Delivered
	b.delivered = func() int64 { return first.tally.Delivered - base }
	if b.several {
		b.delivered = func() int64 {
			sum := first.tally.Delivered - base
			for _, r := range s.reactors[1:] {
				sum += r.shown.Load().Delivered
			}
			return sum
		}
	}
	cr.blast = b
	first.call(func() { b.start(first.tick()); first.loads = append(first.loads, b) })
}

// halt ends the publishing.
func (s *session) halt(cr *crowd) {
	s.reactors[0].call(func() { cr.blast.on = false })
}

// sent is how many messages of a stream were sent.
func (c *crowd) sent(stream uint32) uint32 {
	if int(stream) >= len(c.pubs) {
		return 0
	}
	return c.pubs[stream].seq
}
