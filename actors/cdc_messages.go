package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// messagesLine is what a CDC knows of its feed of messages: it runs while the tenant has channels, and some members
// want to hear when it streams.
type messagesLine struct {
	feed    *post
	place   *place // of the feed, over its lives
	run     int64  // number of the run under way, 0 while nothing streams
	used    bool   // the tenant has channels
	idle    time.Time
	waiting map[*member]*post // who wants to hear of each run, and the Channel each belongs to
}

// inUse: the tenant has its first channel, or no more.
func (d *cdc) inUse(c actor.Context, m *inUse) {
	d.messages.used = m.yes
	if m.yes {
		d.startMessages(c)
		return
	}
	if !d.s.o.DurableSlot {
		d.messages.idle = time.Now()
		d.s.later(d.self, d.s.o.FeedIdle, &unused{})
	}
}

// startMessages starts the feed if it is needed and there is a database to stream from.
func (d *cdc) startMessages(c actor.Context) {
	if d.messages.feed != nil || !d.messages.used || d.closed || !d.row.HasDatabase() || d.s.draining.Load() {
		return
	}
	p, err := d.s.spawn(c, d.name(feedOfMessages), feedOfMessages, newMessagesFeed(d.s, d.row, d.self, d.messages.place, d.counts, d.tenant))
	if err != nil {
		d.log.Error("start feed of messages", "err", err)
		return
	}
	d.messages.feed = p
}

// messagesRow passes a newer row on.
func (d *cdc) messagesRow(c actor.Context, m *row) {
	if d.messages.feed != nil {
		d.messages.feed.send(m)
	}
	d.startMessages(c)
}

// messagesUp: rows that commit from now on are broadcast. Whoever asked is told, each time it comes back.
func (d *cdc) messagesUp() {
	if d.messages.feed == nil {
		return
	}
	d.messages.feed.send(&begin{})
	d.setRun(int64(d.s.number.Add(1)))
	for m, to := range d.messages.waiting {
		to.send(&established{m: m, run: d.messages.run})
	}
}

func (d *cdc) setRun(n int64) {
	d.messages.run = n
	d.counts.stream.Store(n)
}

// await: a member wants to hear of each run that it has not been told of.
func (d *cdc) await(m *await) {
	d.messages.waiting[m.m] = m.to
	if run := d.messages.run; run > m.told {
		m.to.send(&established{m: m.m, run: run})
	}
}

func (d *cdc) unawait(m *unawait) { delete(d.messages.waiting, m.m) }

// unusedMessages ends a feed of messages that nobody has needed for a while.
func (d *cdc) unusedMessages(c actor.Context) {
	if !d.messages.used && !d.s.o.DurableSlot && time.Since(d.messages.idle) >= d.s.o.FeedIdle {
		d.endMessages(c)
	}
}

func (d *cdc) endMessages(c actor.Context) {
	if d.messages.feed != nil {
		c.Stop(d.messages.feed.pid)
		d.messages.feed = nil
		d.setRun(0)
	}
}

// messagesGone starts a feed of messages again that crashed.
func (d *cdc) messagesGone(c actor.Context) {
	d.messages.feed = nil
	d.setRun(0)
	d.startMessages(c)
}
