package actors

import (
	"strings"
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"realtime/protocol"
)

// A panic in a Channel costs that channel: its members are told and may rejoin, nobody else notices, and the stack is
// logged and counted.
func TestPanicInChannelCostsOneChannel(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, n *node) {
		a, b := n.connect(protocol.V2), n.connect(protocol.V2)
		a.join(room1, `{"broadcast":{"self":true}}`)
		a.join("realtime:other", `{"broadcast":{"self":true}}`)
		b.join(room1, `{}`)
		r, ok := (*a.r.open.Load()).find([]byte(room1))
		if !ok {
			t.Fatal("the room has no route")
		}
		r.channel.send(&rows{list: nil})
		r.channel.send(&live{}) // no member: a bug's message
		b.want(`["1","1","realtime:room","phx_error",{"reason":"channel_crash"}]`)
		a.want(`["1","1","realtime:room","phx_error",{"reason":"channel_crash"}]`)
		a.send(`["1","2","realtime:other","broadcast",{"n":1}]`)
		a.want(`[null,null,"realtime:other","broadcast",{"n":1}]`)
		a.send(`["1","2","realtime:room","broadcast",{"n":1}]`)
		a.want(`[null,"2","realtime:room","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`)
		a.join(room1, `{"broadcast":{"self":true}}`)
		a.send(`["1","3","realtime:room","broadcast",{"n":2}]`)
		a.want(`[null,null,"realtime:room","broadcast",{"n":2}]`)
		if got := counted(t, n.s.metrics.panics.WithLabelValues("channel")); got != 1 {
			t.Errorf("%v panics counted, want 1", got)
		}
		if log := n.log.String(); !strings.Contains(log, "actor panicked") || !strings.Contains(log, "channel.go") {
			t.Errorf("the log has no stack: %s", log)
		}
	})
}

func TestPanicInPresenceCostsItsChannel(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, n *node) {
		a, b := n.connect(protocol.V2), n.connect(protocol.V2)
		a.send(`["1","1","realtime:room","phx_join",{"config":{"presence":{"enabled":true}}}]`)
		b.join("realtime:other", `{"broadcast":{"self":true}}`)
		a.take()
		r, _ := (*a.r.open.Load()).find([]byte(room1))
		n.s.sys.Root.Send(actor.NewPID(r.channel.pid.Address, r.channel.pid.Id+"/presence"), (*track)(nil))
		a.want(`["1","1","realtime:room","phx_error",{"reason":"channel_crash"}]`)
		b.send(`["1","2","realtime:other","broadcast",{"n":1}]`)
		b.want(`[null,null,"realtime:other","broadcast",{"n":1}]`)
		a.join(room1, `{}`)
	})
}

// A panic in a Socket costs that connection.
func TestPanicInSocketCostsOneConnection(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, n *node) {
		a, b := n.connect(protocol.V2), n.connect(protocol.V2)
		a.join(room1, `{}`)
		b.join(room1, `{"broadcast":{"self":true}}`)
		n.s.sys.Root.Send(a.r.socket, &frame{}) // no message: a bug's
		a.want("CLOSE 1011")
		<-a.over
		b.send(`["1","2","realtime:room","broadcast",{"n":1}]`)
		b.want(`[null,null,"realtime:room","broadcast",{"n":1}]`)
		if got := counted(t, n.s.metrics.panics.WithLabelValues("socket")); got != 1 {
			t.Errorf("%v panics counted, want 1", got)
		}
	})
}
