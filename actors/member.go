package actors

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"realtime/postgres/authz"
	"realtime/protocol"
	"realtime/ratelimit"
	"realtime/tenancy"
)

// member is one connection's membership of one topic. Its first part is fixed when the Socket makes it; the second
// belongs to the Channel from the moment it receives the join.
type member struct {
	conn      *Conn
	hello     *Hello
	socket    *actor.PID
	topic     string // realtime:<sub>
	topicJSON []byte
	joinRef   protocol.Ref   // as sent with the join; null if it had none
	ref       protocol.Ref   // the join's ref
	join      *protocol.Join // until the reply: what was asked for
	replaces  *closing       // the membership this join ended, told after the reply

	// Small ones side by side: a server has very many members.
	self, ack, legacy bool
	private           bool
	present           bool // presence is on for this membership
	byTrack           bool // hears presence since it tracked, not since it joined
	hears             hearing
	asking            bool  // the policies are asked about the token; what it pushes is held
	told              uint8 // writes that were refused and logged, a bit for each decision
	state             memberState
	watching          bool        // subscribed at the CDC
	heard             bool        // its changes were live once
	over              atomic.Bool // ended, as far as the Reader needs to know

	claims       *tenancy.Claims
	vouched      *tenancy.Tenant // the row under which claims were verified
	refresh      *refresh        // nil until the client sends a token
	grants       *authz.Grants   // of a private channel's policies; nil on a public one
	asked        int             // questions so far: which answer counts
	held         []any           // pushes that wait for the policies
	heldBytes    int
	slot         int // place among the subscribers of its version
	skips        int // spans of the open batch this member must not get back
	changes      []protocol.ChangeEntry
	changesFault string // why its changes are not live yet
	started      time.Time
	replay       *replaying // nil unless its join asked for stored messages and waits
	replayed     []string   // ids of those it got
	ready        *ready     // nil unless it asked to hear of the feed of messages
	presence     *tracked
	presenceKey  string // as asked for; "": a UUID
	due          deadline
}

// sub is the topic without its prefix.
func (m *member) sub() string {
	sub, _ := protocol.Subtopic(m.topic)
	return sub
}

// refresh is a member's standing with new tokens.
type refresh struct {
	at   time.Time // when one was last verified
	held *string   // the newest since, waiting for the throttle, or nil
}

// waits reports whether a token waits for the throttle.
func (r *refresh) waits() bool { return r != nil && r.held != nil }

// tracked is a member's standing with presence.
type tracked struct {
	key    string
	window *ratelimit.Window
}

// closing is what a phx_close needs to say about a membership that ended.
type closing struct{ joinRef protocol.Ref }

type memberState uint8

const (
	joining memberState = iota // the Channel has it, the reply is not sent
	joined
	ended
)

// end is said before the client hears of it, so that what the client then pushes finds the topic closed.
func (m *member) end() {
	m.state = ended
	m.over.Store(true)
}

// pushRef is the join_ref of frames the Channel makes for this member: the join's ref stands in for a missing one.
func (m *member) pushRef() protocol.Ref {
	if m.joinRef.IsNull() {
		return m.ref
	}
	return m.joinRef
}

// closed is what to say when a later join replaces this one. Without a join_ref the join's ref is given, so that
// nobody takes it for the end of the new membership.
func (m *member) closed() *closing { return &closing{joinRef: m.pushRef()} }

// route is where a Reader sends what a member pushes.
type route struct {
	m       *member
	channel *post
}

// routes are the open memberships of one connection, sorted by topic. Immutable: the Socket makes a new one for
// each change, the Reader only looks.
type routes []route

// find looks a topic up without allocating: it is called for every push.
func (r routes) find(topic []byte) (route, bool) {
	lo, hi := 0, len(r)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if r[mid].m.topic < string(topic) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(r) && r[lo].m.topic == string(topic) {
		return r[lo], true
	}
	return route{}, false
}

func (r routes) with(e route) routes {
	i, ok := slices.BinarySearchFunc(r, e.m.topic, func(x route, t string) int { return strings.Compare(x.m.topic, t) })
	out := make(routes, 0, len(r)+1)
	out = append(append(out, r[:i]...), e)
	if ok {
		i++
	}
	return append(out, r[i:]...)
}

func (r routes) without(m *member) routes {
	out := make(routes, 0, len(r))
	for _, e := range r {
		if e.m != m {
			out = append(out, e)
		}
	}
	return out
}
