package actors

import (
	"testing"
	"testing/synctest"
	"time"

	"realtime/protocol"
)

// TestHeartbeatPeriods: a connection lives for as long as its client's heartbeats come, at the period of each
// published client, and no longer than a minute and one sweep after the last of them. What the server sends does
// not count.
func TestHeartbeatPeriods(t *testing.T) {
	for _, client := range []struct {
		name   string
		period time.Duration
	}{
		{"kotlin", 15 * time.Second},
		{"csharp", 20 * time.Second},
		{"js dart swift python", 25 * time.Second},
		{"js before 2.11, phoenix", 30 * time.Second},
		{"the slowest that may live", 59 * time.Second},
	} {
		t.Run(client.name, func(t *testing.T) {
			bubble(t, Options{}, func(t *testing.T, n *node) {
				p, noisy := n.connect(protocol.V2), n.connect(protocol.V2)
				p.join(room1, `{}`)
				noisy.join(room1, `{}`)
				go p.receive()
				go noisy.receive()
				for range int(3 * time.Minute / client.period) {
					pause(client.period)
					p.write(t, `[null,"7","phoenix","heartbeat",{}]`)
					p.want(`[null,"7","phoenix","phx_reply",{"status":"ok","response":{}}]`)
					noisy.write(t, `[null,"7","phoenix","heartbeat",{}]`)
					noisy.take()
				}
				for range 6 { // deliveries do not keep p alive
					pause(10 * time.Second)
					noisy.write(t, `["1","8","realtime:room","broadcast",{"n":1}]`)
					p.want(`[null,null,"realtime:room","broadcast",{"n":1}]`)
				}
				pause(6 * time.Second)
				p.want("CLOSE 1000")
				if got := n.s.Connections(); got != 1 {
					t.Errorf("%d connections open, want the other one", got)
				}
			})
		})
	}
}

// receive is the edge of a connection: whatever comes over the wire, one message a write.
func (p *peer) receive() {
	buf := make([]byte, 4096)
	for {
		n, err := p.c.Read(buf)
		if err != nil {
			return
		}
		p.r.Message(buf[:n], false)
	}
}

// write sends one message over the wire.
func (p *peer) write(t *testing.T, message string) {
	t.Helper()
	if _, err := p.far.Write([]byte(message)); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}
