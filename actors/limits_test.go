package actors

import (
	"strings"
	"testing"
	"time"

	"realtime/protocol"
	"realtime/protocol/codes"
)

func TestChannelsPerClient(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, n *node) {
		n.tenant.Limits.ChannelsPerClient = 2
		a := n.connect(protocol.V2)
		a.join("realtime:a", `{}`)
		a.join("realtime:b", `{}`)
		a.send(`["3","3","realtime:c","phx_join",{"config":{}}]`)
		a.want(`["3","3","realtime:c","phx_reply",{"status":"error","response":{"reason":"ChannelRateLimitReached: Too many channels","limit":{"name":"max_channels_per_client","limit":2,"value":3}}}]`)
		a.send(`["4","4","realtime:b","phx_join",{"config":{}}]`) // a joined topic joined anew takes no further place
		a.want(`["4","4","realtime:b","phx_reply",{"status":"ok","response":{"postgres_changes":[]}}]`, `["1","1","realtime:b","phx_close",{}]`)
		a.send(`["1","5","realtime:a","phx_leave",{}]`)
		a.take()
		a.join("realtime:c", `{}`)
	})
}

func TestConcurrentUsersCountSocketsWithChannels(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, n *node) {
		n.tenant.Limits.ConcurrentUsers = 1
		a, b := n.connect(protocol.V2), n.connect(protocol.V2)
		a.join("realtime:a", `{}`)
		a.join("realtime:b", `{}`)
		b.send(`["1","1","realtime:a","phx_join",{"config":{}}]`)
		b.want(`["1","1","realtime:a","phx_reply",{"status":"error","response":{"reason":"ConnectionRateLimitReached: Too many connected users","limit":{"name":"max_concurrent_users","limit":1,"value":2}}}]`)
		if err := n.s.Admit(t.Context(), n.tenant); err == nil || codes.Of(err).Code != codes.ConnectionRateLimitReached {
			t.Errorf("admit at the limit: %v", err)
		}
		a.hangUp()
		if err := n.s.Admit(t.Context(), n.tenant); err != nil {
			t.Errorf("admit after the user left: %v", err)
		}
		b.join("realtime:a", `{}`)
	})
}

func TestJoinsPerSecondClosesTheSocket(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, n *node) {
		n.tenant.Limits.JoinsPerSecond = 1
		a := n.connect(protocol.V2)
		for range 20 {
			a.send(`["1","1","realtime:a","phx_join",{"config":{}}]`)
		}
		a.take()
		pause(6 * time.Second) // the meter looks every 5 s
		a.send(`["2","2","realtime:a","phx_join",{"config":{}}]`)
		got := a.take()
		want := `["2","2","realtime:a","phx_reply",{"status":"error","response":{"reason":"ClientJoinRateLimitReached: Too many joins per second","limit":{"name":"max_joins_per_second","limit":1,"value":2,"window_ms":60000,"reset_ms":15000}}}]`
		if len(got) == 0 || got[0] != want || got[len(got)-1] != "CLOSE 1001" {
			t.Errorf("got %q", got)
		}
	})
}

func TestEventsPerSecondClosesReceivers(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, n *node) {
		n.tenant.Limits.EventsPerSecond = 2
		a, b := n.connect(protocol.V2), n.connect(protocol.V2)
		a.join(room1, `{}`)
		b.join(room1, `{}`)
		for range 50 {
			a.send(`["1","2","realtime:room","broadcast",{"n":1}]`)
		}
		if got := len(b.take()); got != 50 {
			t.Errorf("%d of a burst delivered, want all 50", got)
		}
		pause(6 * time.Second)
		a.send(`["1","2","realtime:room","broadcast",{"last":1}]`)
		b.want(`[null,null,"realtime:room","broadcast",{"last":1}]`,
			`["1",null,"realtime:room","system",{"channel":"room","extension":"system","message":"Too many messages per second","status":"error","limit":{"name":"max_events_per_second","limit":2,"value":10,"window_ms":60000,"reset_ms":45000}}]`,
			`["1","1","realtime:room","phx_close",{}]`)
		b.join(room1, `{}`)
	})
}

func TestSilentSocketIsClosed(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, n *node) {
		a := n.connect(protocol.V2)
		a.join(room1, `{}`)
		pause(50 * time.Second)
		a.want()
		pause(16 * time.Second)
		a.want("CLOSE 1000")
		<-a.over
		if got := n.s.Connections(); got != 0 {
			t.Errorf("%d connections open, want 0", got)
		}
	})
}

func TestDrainClosesEverybodyAndRefusesJoins(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, n *node) {
		a := n.connect(protocol.V2)
		a.join(room1, `{}`)
		n.s.draining.Store(true)
		a.send(`["2","2","realtime:other","phx_join",{"config":{}}]`)
		a.want(`["2","2","realtime:other","phx_reply",{"status":"error","response":{"reason":"RealtimeRestarting: Realtime is restarting, please standby"}}]`)
		n.s.draining.Store(false)
		n.s.Drain(t.Context())
		if got := a.take(); len(got) != 1 || got[0] != "CLOSE 1012" {
			t.Errorf("got %q, want the close", got)
		}
		if err := n.s.Admit(t.Context(), n.tenant); err == nil || !strings.Contains(err.Error(), "restarting") {
			t.Errorf("admit after the drain: %v", err)
		}
	})
}
