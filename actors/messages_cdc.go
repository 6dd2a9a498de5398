package actors

import (
	"realtime/postgres/changes"
)

// Messages of the CDC actor and its feeds.
type (
	// subscribe comes from a Channel: this member wants changes, with these claims; answered by live. It replaces an
	// earlier subscription of the member.
	subscribe struct {
		sub   *changes.Subscription
		heard bool // the member was live before, at a CDC that is gone
	}

	// unsubscribe comes from a Channel.
	unsubscribe struct{ m *member }

	// answer comes from the Engine.
	answer struct{ a changes.Answer }

	// feedUp comes from a feed: its stream is open and waits for begin. gap: what committed since it was last up is
	// missing, in part or in whole.
	feedUp struct {
		feed string
		gap  bool
		lost bool // the slot was there, and is no good any more: even who comes back to it misses something
	}

	// begin answers feedUp: what the taker must know before the first row has been sent.
	begin struct{}

	// feedDown comes from a feed: it was interrupted, and will come back by itself.
	feedDown struct {
		feed string
		err  error
	}

	// feedNotice comes from the Engine: one subscriber must be told something.
	feedNotice struct {
		m    *member
		text string
	}

	// opened comes home from a feed's errand.
	opened struct {
		slot  *slot
		taker taker
		keep  func() bool // takes the slot over from whoever closes it at the end of the feed's life; false: it is closed
		err   error
	}

	// halted comes from the feed's goroutine: the run is over, and why.
	halted struct{ err error }

	// retry comes from the feed's timer: start anew.
	retry struct{}

	// unused comes from the CDC's timer: look whether the feeds are still needed.
	unused struct{}

	// inUse comes from the Tenant: it has its first channel, or no more.
	inUse struct{ yes bool }

	// await comes from a Channel: m wants to hear of every run of the feed of messages after the one it was told of;
	// answered by established, as often as the feed comes back.
	await struct {
		m    *member
		to   *post
		told int64
	}

	// unawait comes from a Channel.
	unawait struct{ m *member }
)
