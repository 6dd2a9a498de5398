package actors

import (
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"realtime/protocol"
)

const room1 = "realtime:room"

func TestJoinReplyPrecedesBroadcast(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, n *node) {
		a, b := n.connect(protocol.V2), n.connect(protocol.V2)
		a.join(room1, `{"broadcast":{"self":true}}`)
		go func() { // however the join falls among the broadcasts; ends with the loop
			for range 100 {
				a.send(`["1","2","realtime:room","broadcast",{"event":"e"}]`)
				runtime.Gosched()
			}
		}()
		b.send(`["1","1","realtime:room","phx_join",{"config":{}}]`)
		synctest.Wait()
		a.send(`["1","2","realtime:room","broadcast",{"event":"after"}]`)
		got := b.take()
		if len(got) < 2 || !strings.Contains(got[0], "phx_reply") {
			t.Errorf("first of %d frames is %q, want the reply to the join", len(got), got[0])
		}
		if len(a.take()) != 101 {
			t.Error("the publisher did not get each of its broadcasts")
		}
	})
}

func TestBroadcastSelfAckAndVersions(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, n *node) {
		a, b, old := n.connect(protocol.V2), n.connect(protocol.V2), n.connect(protocol.V1)
		a.join(room1, `{"broadcast":{"self":true,"ack":true}}`)
		b.join(room1, `{}`)
		old.send(`{"topic":"realtime:room","event":"phx_join","payload":{"config":{}},"ref":"1","join_ref":"1"}`)
		old.want(`{"topic":"realtime:room","event":"phx_reply","payload":{"status":"ok","response":{"postgres_changes":[]}},"ref":"1"}`)

		a.send(`["1","2","realtime:room","broadcast",{"type":"broadcast","event":"e","payload":{"m":1}}]`)
		a.want(`[null,null,"realtime:room","broadcast",{"type":"broadcast","event":"e","payload":{"m":1}}]`,
			`["1","2","realtime:room","phx_reply",{"status":"ok","response":{}}]`)
		b.want(`[null,null,"realtime:room","broadcast",{"type":"broadcast","event":"e","payload":{"m":1}}]`)
		old.want(`{"topic":"realtime:room","event":"broadcast","payload":{"type":"broadcast","event":"e","payload":{"m":1}},"ref":null}`)

		// kind 3 with JSON reaches both versions, with bytes only the new one.
		a.sendBinary("\x03\x01\x01\x0d\x01\x00\x01" + "13realtime:roome" + `{"m":3}`)
		b.want("BIN \x04\x0d\x01\x00\x01" + "realtime:roome" + `{"m":3}`)
		old.want(`{"topic":"realtime:room","event":"broadcast","payload":{"type":"broadcast","event":"e","payload":{"m":3}},"ref":null}`)
		a.take()
		a.sendBinary("\x03\x01\x01\x0d\x01\x00\x00" + "14realtime:roome" + "\x01\x02\xff")
		b.want("BIN \x04\x0d\x01\x00\x00" + "realtime:roome" + "\x01\x02\xff")
		old.want()

		// Without self the publisher gets nothing back, without ack no reply.
		b.send(`["1","3","realtime:room","broadcast",{"event":"x"}]`)
		b.want()
		old.take()
		a.take()
		old.send(`{"topic":"realtime:room","event":"broadcast","payload":{"event":"y"},"ref":"9"}`)
		old.want()
		b.want(`[null,null,"realtime:room","broadcast",{"event":"y"}]`)
	})
}

func TestLeaveAnswersClosesAndFreesTheTopic(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, n *node) {
		a := n.connect(protocol.V2)
		a.join(room1, `{}`)
		a.send(`["7","11","realtime:room","phx_leave",{}]`) // another join's ref: ignored
		a.want()
		a.send(`["1","11","realtime:room","phx_leave",{}]`)
		a.want(`["1","11","realtime:room","phx_reply",{"status":"ok","response":{}}]`, `["1","1","realtime:room","phx_close",{}]`)
		a.send(`["1","12","realtime:room","phx_leave",{}]`)
		a.want(`["1","12","realtime:room","phx_reply",{"status":"ok","response":{}}]`)
		a.send(`["1","5","realtime:room","broadcast",{}]`)
		a.want(`[null,"5","realtime:room","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`)
		a.join(room1, `{}`)
	})
}

func TestJoiningTwiceClosesTheFirst(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, n *node) {
		a := n.connect(protocol.V2)
		a.join(room1, `{}`)
		a.send(`["2","2","realtime:room","phx_join",{"config":{}}]`)
		a.want(`["2","2","realtime:room","phx_reply",{"status":"ok","response":{"postgres_changes":[]}}]`, `["1","1","realtime:room","phx_close",{}]`)
		old := n.connect(protocol.V1)
		for _, ref := range []string{"1", "2"} {
			old.send(`{"topic":"realtime:room","event":"phx_join","payload":{"config":{}},"ref":"` + ref + `"}`)
		}
		old.want(`{"topic":"realtime:room","event":"phx_reply","payload":{"status":"ok","response":{"postgres_changes":[]}},"ref":"1"}`,
			`{"topic":"realtime:room","event":"phx_reply","payload":{"status":"ok","response":{"postgres_changes":[]}},"ref":"2"}`,
			`{"topic":"realtime:room","event":"phx_close","payload":{},"ref":"1"}`)
		a.send(`["2","3","realtime:room","broadcast",{"once":1}]`)
		old.want(`{"topic":"realtime:room","event":"broadcast","payload":{"once":1},"ref":null}`)
	})
}

// A refused join is answered after the pause, and nothing else waits for it.
func TestRefusalPausesOnlyItself(t *testing.T) {
	bubble(t, Options{JoinPause: 5 * time.Second}, func(t *testing.T, n *node) {
		a := n.connect(protocol.V2)
		a.send(`["1","1","realtime:","phx_join",{"config":{}}]`)
		pause(time.Millisecond)
		a.send(`["2","2","realtime:secret","phx_join",{"config":{"private":true}}]`)
		a.send(`[null,"3","phoenix","heartbeat",{}]`)
		a.want(`[null,"3","phoenix","phx_reply",{"status":"ok","response":{}}]`)
		a.join(room1, `{}`)
		pause(5*time.Second + time.Millisecond)
		a.want(`["1","1","realtime:","phx_reply",{"status":"error","response":{"reason":"TopicNameRequired: You must provide a topic name"}}]`,
			`["2","2","realtime:secret","phx_reply",{"status":"error","response":{"reason":"UnableToConnectToProject: Realtime was unable to connect to the project database"}}]`)
		a.send(`["9","9","elsewhere","phx_join",{}]`)
		a.want(`[null,"9","elsewhere","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`)
	})
}

func TestOversizedPayloadIsRefusedAndHarmsNobody(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, n *node) {
		n.tenant.Limits.PayloadKB = 1
		a, b := n.connect(protocol.V2), n.connect(protocol.V2)
		a.join(room1, `{"broadcast":{"ack":true}}`)
		b.join(room1, `{}`)
		fits := `{"d":"` + strings.Repeat("x", 1500-8) + `"}`
		a.send(`["1","2","realtime:room","broadcast",` + fits + `]`)
		a.want(`["1","2","realtime:room","phx_reply",{"status":"ok","response":{}}]`)
		b.want(`[null,null,"realtime:room","broadcast",` + fits + `]`)
		a.send(`["1","3","realtime:room","broadcast",{"d":"` + strings.Repeat("x", 1500-7) + `"}]`)
		a.want(`["1","3","realtime:room","phx_reply",{"status":"error","response":{"reason":"payload_size_exceeded","limit":{"name":"max_payload_size_in_kb","limit":1500,"value":1501}}}]`)
		b.want()
	})
}

func TestMalformedFramesAreDroppedAndHarmNobody(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, n *node) {
		a := n.connect(protocol.V2)
		a.join(room1, `{"broadcast":{"self":true}}`)
		for _, bad := range []string{"", "{", "[]", `["1","2","realtime:room","broadcast"]`, "\xff\xfe", `["1","2","realtime:room","broadcast",{]`, "null", "7"} {
			a.send(bad)
			a.sendBinary(bad)
		}
		a.send(`["1","2",{"a":1},"broadcast",{}]`)
		a.want(`[null,"2",{"a":1},"phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`)
		a.send(`["1","3","realtime:room","broadcast",{"still":"here"}]`)
		a.want(`[null,null,"realtime:room","broadcast",{"still":"here"}]`)
	})
}

func TestChannelEndsWhenEmptyAndComesBack(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, n *node) {
		for range 3 {
			a := n.connect(protocol.V2)
			a.join(room1, `{"broadcast":{"self":true}}`)
			a.hangUp()
		}
		a := n.connect(protocol.V2)
		a.join(room1, `{"broadcast":{"self":true}}`)
		a.send(`["1","2","realtime:room","broadcast",{"n":1}]`)
		a.want(`[null,null,"realtime:room","broadcast",{"n":1}]`)
	})
}

// What a message leaves unwritten because another waits behind it is written with that one, whatever it is.
func TestNothingGatheredWaitsForMore(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, n *node) {
		a, b := n.connect(protocol.V2), n.connect(protocol.V2)
		a.join(room1, `{}`)
		b.join(room1, `{}`)
		for range 500 {
			a.send(`["1","2","realtime:room","broadcast",{"n":1}]`)
			a.send(`["1","3","realtime:room","nothing",{}]`) // nobody answers it
			if got := len(b.take()); got != 1 {
				t.Errorf("%d frames came, want the broadcast", got)
				return
			}
		}
	})
}
