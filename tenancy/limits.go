package tenancy

import "time"

// Limits are what one tenant may use. Zero means none at all, not "unlimited".
type Limits struct {
	ConcurrentUsers         int // sockets with at least one channel, over all nodes
	EventsPerSecond         int // messages in and deliveries out, averaged over 60 s
	BytesPerSecond          int // stored for upstream's sake; nothing counts bytes
	ChannelsPerClient       int // channels open on one socket
	JoinsPerSecond          int // joins, averaged over 60 s
	PresenceEventsPerSecond int // presence states, tracks and diffs, averaged over 60 s
	PayloadKB               int // of one message; see PayloadBytes
	PresencePerWindow       int // presence messages of one channel in each PresenceWindow
	PresenceWindow          time.Duration
}

// PayloadBytes is the largest payload in bytes: the stored kilobytes of 1000 bytes each, and 500 bytes of grace.
func (l Limits) PayloadBytes() int { return l.PayloadKB*1000 + 500 }

// DefaultLimits are upstream's, for tenants that are created through the HTTP API.
func DefaultLimits() Limits {
	return Limits{
		ConcurrentUsers:         200,
		EventsPerSecond:         100,
		BytesPerSecond:          100_000,
		ChannelsPerClient:       100,
		JoinsPerSecond:          100,
		PresenceEventsPerSecond: 1000,
		PayloadKB:               3000,
		PresencePerWindow:       5,
		PresenceWindow:          30 * time.Second,
	}
}

// GenerousLimits are for the one tenant of a self-hosted server, whose operator pays for the machine and not by the message.
// Upstream's defaults are a shared platform's: one message to 200 subscribers already uses up two seconds of them. What is left
// keeps a runaway client from exhausting the machine. Payload and presence are as upstream, because clients depend on them.
//
//	limit                      upstream   here        why
//	ConcurrentUsers            200        1,000,000   memory and file limits bind first
//	EventsPerSecond            100        1,000,000   deliveries count, so this is about one busy machine
//	BytesPerSecond             100,000    100,000     counts nothing
//	ChannelsPerClient          100        1,000       one page seldom has 100; a leak has thousands
//	JoinsPerSecond             100        10,000      everybody comes back at once after a restart
//	PresenceEventsPerSecond    1,000      100,000     diffs count once per member that gets one
//	PresencePerWindow          5          5           protects the other members of a channel
func GenerousLimits() Limits {
	l := DefaultLimits()
	l.ConcurrentUsers = 1_000_000
	l.EventsPerSecond = 1_000_000
	l.ChannelsPerClient = 1000
	l.JoinsPerSecond = 10_000
	l.PresenceEventsPerSecond = 100_000
	return l
}

// LimitOverrides are the limits that the environment names (TENANT_MAX_*); nil is unset.
type LimitOverrides struct {
	ConcurrentUsers, EventsPerSecond, BytesPerSecond, ChannelsPerClient, JoinsPerSecond *int
}

// Apply returns l with what o names put in place.
func (o LimitOverrides) Apply(l Limits) Limits {
	for _, f := range []struct{ from, to *int }{
		{o.ConcurrentUsers, &l.ConcurrentUsers},
		{o.EventsPerSecond, &l.EventsPerSecond},
		{o.BytesPerSecond, &l.BytesPerSecond},
		{o.ChannelsPerClient, &l.ChannelsPerClient},
		{o.JoinsPerSecond, &l.JoinsPerSecond},
	} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	return l
}
