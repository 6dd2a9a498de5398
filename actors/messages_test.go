package actors

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"realtime/postgres/pgtest"
	"realtime/protocol"
)

const insertMessage = `insert into realtime.messages (topic, extension, event, payload, private, id) values `

// streaming waits until the feed of messages runs.
func (s *site) streaming() {
	s.t.Helper()
	a, err := s.s.attach(s.tenant)
	if err != nil {
		s.t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); a.counts.stream.Load() == 0; pause(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatal("the feed of messages does not come up")
		}
	}
}

func TestRowsOfMessagesAreBroadcastInCommitOrder(t *testing.T) {
	s := newSite(t, Options{})
	a, b := s.connect(alice), s.connect(bob)
	a.p.send(`["1","1","realtime:room","phx_join",{"config":{"broadcast":{"replication_ready":true}}}]`)
	a.want(`"phx_reply",{"status":"ok"`)
	a.want(`["1",null,"realtime:room","system",{"channel":"room","extension":"system","message":"Replication connection established","status":"ok"}]`)
	b.p.send(`["1","1","realtime:other","phx_join",{"config":{"broadcast":{"replication_ready":"no"}}}]`)
	b.want(`"phx_reply",{"status":"ok"`)
	b.want(`"Replication connection established"`)
	const n = 3000
	pgtest.Exec(t, s.db, `insert into realtime.messages (topic, extension, event, payload, private)
		select 'room', case when i % 2 = 0 then 'broadcast' else 'presence' end, 'e', jsonb_build_object('n', i), false from generate_series(1, 3000) i`)
	for i := range n {
		a.want("\x04\x0d\x01\x2d\x01realtime:roome{\"id\":\"", fmt.Sprintf(`}{"n": %d}`, i+1))
	}
	a.quiet(50 * time.Millisecond)
	b.quiet(10 * time.Millisecond)
}

func TestRowsThatCannotBeBroadcastAreSaid(t *testing.T) {
	s := newSite(t, Options{})
	s.tenant.Limits.PayloadKB = 1
	a := s.connect(alice)
	a.p.send(`["1","1","realtime:room","phx_join",{"config":{}}]`)
	a.want(`"phx_reply",{"status":"ok"`)
	s.streaming()
	pgtest.Exec(t, s.db, `alter table realtime.messages alter topic drop not null, alter column updated_at type timestamptz,
		add column odd int4range[] default '{"[1,2)"}', add column pair point`)
	row := func(topic, event, payload, private, more string) string {
		return `insert into realtime.messages (topic, extension, event, payload, private, inserted_at, binary_payload, skip_broadcast) values (` +
			topic + `, 'broadcast', ` + event + `, ` + payload + `, ` + private + `, now(), ` + more + `)`
	}
	pgtest.Exec(t, s.db,
		row(`'room'`, `null`, `'{}'`, `false`, `null, false`),
		row(`null`, `'e'`, `'{}'`, `false`, `null, false`),
		row(`'room'`, `'e'`, `'{}'`, `null`, `null, false`),
		row(`'room'`, `'e'`, `null`, `false`, `null, false`),
		row(`'room'`, `'e'`, `to_jsonb(repeat('x', 1500))`, `false`, `null, false`),
		row(`'room'`, `'e'`, `'"skipped"'`, `false`, `null, true`),
		row(`'room'`, `'e'`, `'"private"'`, `true`, `null, false`),
		row(`'room'`, `'e'`, `to_jsonb(repeat('x', 1498))`, `false`, `null, false`),
		row(`'room'`, `'e'`, `'null'`, `false`, `null, false`),
		row(`'room'`, `'b'`, `null`, `false`, `'\x0001ff', false`),
	)
	a.want("}" + `"xxxxxxx`)
	a.want("}null")
	a.want("}\x00\x01\xff")
	a.quiet(50 * time.Millisecond)
	for _, why := range []string{":event_missing", ":topic_missing", ":private_missing", ":payload_missing", ":payload_size_exceeded"} {
		if got := strings.Count(s.log.String(), why); got != 1 {
			t.Errorf("%s is logged %d times", why, got)
		}
	}
}

func TestFeedOfMessagesComesBack(t *testing.T) {
	s := newSite(t, Options{})
	a := s.connect(alice)
	a.p.send(`["1","1","realtime:room","phx_join",{"config":{"broadcast":{"replication_ready":true}}}]`)
	a.want(`"phx_reply",{"status":"ok"`)
	a.want(`"Replication connection established"`)
	pgtest.Exec(t, s.db, `select pg_terminate_backend(active_pid) from pg_replication_slots where active and database=current_database()`)
	a.want(`"Replication connection established"`)
	pgtest.Exec(t, s.db, insertMessage+`('room','broadcast','after','1',false,gen_random_uuid())`)
	a.want(`after{"id":`)
	pgtest.Exec(t, s.db, `drop publication supabase_realtime_messages_publication`, insertMessage+`('room','broadcast','lost','1',false,gen_random_uuid())`)
	a.want(`"Replication connection established"`)
	pgtest.Exec(t, s.db, insertMessage+`('room','broadcast','again','1',false,gen_random_uuid())`)
	a.want(`again{"id":`)
}

func TestWaitForTheFeedOfMessagesEnds(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, n *node) {
		a := n.connect(protocol.V2)
		a.join(room1, `{"broadcast":{"replication_ready":true}}`)
		for range 11 { // a silent socket is closed after a minute
			pause(5 * time.Second)
			a.send(`[null,"9","phoenix","heartbeat",{}]`)
		}
		pause(4 * time.Second)
		if got := a.take(); len(got) != 11 {
			t.Errorf("before the minute is over came %q", got)
		}
		pause(2 * time.Second)
		a.want(`["1",null,"realtime:room","system",{"channel":"room","extension":"system","message":"Replication connection was not established in time","status":"error"}]`,
			`["1","1","realtime:room","phx_close",{}]`)
	})
}
