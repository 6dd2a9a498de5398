package actors

import (
	"strconv"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"realtime/protocol/codes"
)

// join refuses a join for what only the tenant knows, or passes it to the Channel of its topic.
func (t *tenant) join(c actor.Context, m *joinTenant) {
	if f := t.refuse(m); f != nil {
		t.reject(m.m, f)
		return
	}
	r := room{sub: m.m.sub(), private: m.m.join.Private}
	ch, ok := t.channels[r]
	if !ok {
		var err error
		if ch, err = t.open(c, r); err != nil {
			t.reject(m.m, codes.Of(err))
			return
		}
	}
	ch.joins++
	t.users[m.socket] = struct{}{}
	t.counts.users.Store(int64(len(t.users)))
	ch.post.send(&joinChannel{m: m.m})
}

func (t *tenant) reject(m *member, f *codes.Fault) {
	t.s.sys.Root.Send(m.socket, &refused{m: m, fault: f, reason: f.Reason()})
}

func (t *tenant) open(c actor.Context, r room) (*child, error) {
	t.names++
	p, err := t.s.spawn(c, "channel/"+strconv.Itoa(t.names), "channel", newChannel(t.s, t.row, t.counts, t.cdc, t.db, c.Self(), r))
	if err != nil {
		return nil, err
	}
	ch := &child{post: p}
	t.channels[r] = ch
	if len(t.channels) == 1 {
		t.cdc.send(&inUse{yes: true})
	}
	if r.private {
		t.watchPolicies()
	}
	t.s.bus.Join(t.row.ExternalID, r.String())
	return ch, nil
}

// refuse checks, in upstream's order: shutdown, existence, suspension, private_only, users, joins per second, channels per
// socket. A join that passes the rate check counts, whatever becomes of it.
func (t *tenant) refuse(m *joinTenant) *codes.Fault {
	l := t.row.Limits
	_, counted := t.users[m.socket]
	switch {
	case t.draining || t.s.draining.Load():
		return codes.Wrap(codes.RealtimeRestarting, errDraining, "")
	case t.gone:
		return codes.New(codes.TenantNotFound, "Tenant with the given ID does not exist")
	case t.row.Suspend:
		return codes.New(codes.RealtimeDisabledForTenant, "")
	case t.row.PrivateOnly && !m.m.join.Private:
		return errPrivateOnly
	case !counted && len(t.users) >= l.ConcurrentUsers:
		return hit(codes.ConnectionRateLimitReached, beyond("max_concurrent_users", len(t.users)+1, l.ConcurrentUsers))
	case t.counts.joins.Exceeded(l.JoinsPerSecond):
		return hit(codes.ClientJoinRateLimitReached, over("max_joins_per_second", t.counts.joins, l.JoinsPerSecond))
	}
	t.counts.joins.Add(1)
	t.s.metrics.joins.Inc()
	if m.open > l.ChannelsPerClient {
		return hit(codes.ChannelRateLimitReached, beyond("max_channels_per_client", m.open, l.ChannelsPerClient))
	}
	m.m.started = time.Now()
	return nil
}
