package actors

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"realtime/postgres/pgtest"
	"realtime/protocol"
)

func broadcastOf(id, payload string) protocol.Broadcast {
	return protocol.Broadcast{Form: protocol.FormUserJSON, Event: []byte("e"), Payload: []byte(payload), ID: id}
}

// shout sends a binary frame with an event and metadata.
func (c *caller) shout(topic, ref, event, meta, payload string) {
	topic = "realtime:" + topic
	c.p.sendBinary("\x03\x01" + string([]byte{byte(len(ref)), byte(len(topic)), byte(len(event)), byte(len(meta)), 1}) + "1" + ref + topic + event + meta + payload)
}

// reply is the response to a push.
func (c *caller) reply(ref, status string) string {
	c.t.Helper()
	f := c.next()
	open := `["1","` + ref + `","realtime:room","phx_reply",{"status":"` + status + `","response":`
	if !strings.HasPrefix(f, open) {
		c.t.Fatalf("frame %s, want %s…", f, open)
	}
	return strings.TrimSuffix(strings.TrimPrefix(f, open), "}]")
}

func (s *site) rows(sql string) (out []string) {
	s.t.Helper()
	rows, err := pgtest.Conn(s.t, s.db).Query(s.t.Context(), sql)
	if err != nil {
		s.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var v string
		if err := rows.Scan(&v); err != nil {
			s.t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

func TestPersistSendsThenStores(t *testing.T) {
	s := newPrivateSite(t, everybody...)
	a, b := s.connect(alice), s.connect(bob)
	a.enter("room", `"broadcast":{"ack":true}`)
	b.enter("room", `"broadcast":{"replication_ready":true}`)
	b.want("Replication connection established")
	a.shout("room", "7", "kept", `{"persist":true}`, `{"n":1}`)
	var stored struct{ ID string }
	if err := json.Unmarshal([]byte(a.reply("7", "ok")), &stored); err != nil || len(stored.ID) != 36 {
		t.Fatalf("stored %+v, %v", stored, err)
	}
	if got := s.rows(`select id || ' ' || event || ' ' || payload || ' ' || skip_broadcast from realtime.messages`); len(got) != 1 || got[0] != stored.ID+` kept {"n": 1} true` {
		t.Errorf("rows %q", got)
	}
	for n := 2; n <= 40; n++ { // some of them wait for one errand together
		a.shout("room", "8", "kept", `{"persist":{"ttl":60}}`, fmt.Sprintf(`{"n":%d}`, n))
	}
	for range 39 {
		a.reply("8", "ok")
	}
	for n := range 40 {
		b.want(`kept{"id":"`, fmt.Sprintf(`"}{"n":%d}`, n+1))
	}
	b.quiet(200 * time.Millisecond) // nothing comes a second time
	c := s.connect(bob)
	c.enter("room", `"broadcast":{"replay":{"since":0}}`)
	for n := 16; n <= 40; n++ {
		c.want(`"event":"kept","meta":{"id":"`, `"replayed":true},"payload":{"n": `+fmt.Sprint(n)+`}}]`)
	}
}

func TestPersistThatCannotBeIsSentAllTheSame(t *testing.T) {
	s := newPrivateSite(t, append(everybody, `create policy not_here on realtime.messages as restrictive for insert to authenticated
		with check (realtime.topic() <> 'denied' or extension <> 'persistence')`)...)
	a, b := s.connect(alice), s.connect(bob)
	fails := func(topic, event, meta, payload, reason string) {
		t.Helper()
		a.shout(topic, "7", event, meta, payload)
		a.want(`["1","7","realtime:`+topic+`","phx_reply",{"status":"error","response":{"error":"`+reason, `","reason":"`+reason)
		b.want(payload)
	}
	for _, topic := range []string{"denied", "room"} {
		a.enter(topic, `"broadcast":{"ack":true}`)
		b.enter(topic, `"broadcast":{}`)
	}
	fails("denied", "e", `{"persist":true}`, `{"n":1}`, `Unauthorized: You do not have permissions to store messages of this Channel topic: denied`)
	fails("room", "e", `{"persist":{"ttl":0}}`, `{"n":2}`, `UnableToPersistMessage: The ttl of persist must be a whole number of seconds above 0`)
	fails("room", "e", `{"persist":"yes"}`, `{"n":3}`, `UnableToPersistMessage: Persist must be true`)
	fails("room", "e", `{"persist":true}`, `"\u0000"`, `UnableToPersistMessage: Unable to persist message`)
	pgtest.Exec(t, s.db, `alter table realtime.messages rename column event to evnt`)
	fails("room", "e", `{"persist":true}`, `{"n":5}`, `UnableToPersistMessage: Unable to persist message`)
	pgtest.Exec(t, s.db, `alter table realtime.messages rename column evnt to event`)
	a.shout("room", "8", "e", `{"persist":true}`, `{"n":6}`)
	a.want(`["1","8","realtime:room","phx_reply",{"status":"ok"`)
	if got := s.rows(`select payload::text from realtime.messages`); len(got) != 1 {
		t.Errorf("rows %q", got)
	}
	a.p.send(`["1","1","realtime:public","phx_join",{"config":{"broadcast":{"ack":true}}}]`)
	a.want(`"phx_reply",{"status":"ok"`)
	a.shout("public", "9", "e", `{"persist":true}`, `{"n":7}`)
	a.want(`"response":{"error":"UnableToPersistMessage: `, `only be stored on private channels`)
}

// A client that is gone at once leaves its messages stored, in a Channel without members.
func TestPersistOutlivesItsSender(t *testing.T) {
	s := newPrivateSite(t, everybody...)
	a := s.connect(alice)
	a.enter("room", `"broadcast":{}`)
	for n := range 300 {
		a.shout("room", "7", "e", `{"persist":true}`, fmt.Sprint(n))
	}
	_ = a.p.far.Close()
	for deadline := time.Now().Add(20 * time.Second); len(s.rows(`select id::text from realtime.messages`)) < 300; pause(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("messages are not stored")
		}
	}
	if got := s.rows(`select payload::text from realtime.messages order by inserted_at, cmin::text::int, ctid`); strings.Join(got[:3], " ") != "0 1 2" {
		t.Errorf("order %q", got)
	}
}
