package cases

import (
	"fmt"
	"testing"

	"realtime/postgres/pgtest"
)

var replayRows = []row{
	differs(165, "replay on a public channel", "replay null is as if it were absent (quirk Q16)", row165),
	as(166, "replay", row166),
	differs(167, "replay with bad parameters", "since may be absent, as newer releases have it", row167),
	as(168, "limit of a replay", row168),
	as(169, "no replay", row169),
	as(170, "replay where presence alone may be read", row170),
	as(171, "bytes replayed on version 2", row171),
	as(172, "bytes replayed on version 1", row172),
	as(173, "live copy of a replayed message", row173),
	as(174, "the newest are replayed", row174),
	as(175, "replay that fails", row175),
	as(276, "replay without parameters", row276),
}

func row165(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	const reason = "UnableToReplayMessages: Replay is not allowed for public channels"
	for _, replay := range []string{`{"since":0}`, `{"since":"5"}`, `{}`} {
		s.refused(`{"config":{"broadcast":{"replay":`+replay+`}}}`, reason)
	}
	s.join("realtime:a", `{"broadcast":{"replay":null}}`)
}

// kept stores n messages of a topic that everybody may read, with the ids 00…01 and so on and the events e1 and so on.
func (h *house) kept(t *testing.T, topic string, n int) {
	t.Helper()
	h.let(t, topic, "broadcast", "rw")
	pgtest.Exec(t, h.db, fmt.Sprintf(`insert into realtime.messages (topic, extension, event, payload, private, id, inserted_at)
		select '%s', 'broadcast', 'e' || i, to_jsonb(i), true, ('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid,
		timezone('utc', now()) - interval '1 second' * (100 - i) from generate_series(1, %d) i`, topic, n))
}

// replayed is the frame of one of them.
func replayed(topic string, i int) string {
	return fmt.Sprintf(`["1",null,"realtime:%s","broadcast",{"type":"broadcast","event":"e%d","meta":{"id":"00000000-0000-4000-8000-%012[2]d","replayed":true},"payload":%[2]d}]`, topic, i)
}

// wantReplay joins with a replay and expects the messages from one to another, and no more.
func (s *socket) wantReplay(topic, replay string, from, to int) {
	s.t.Helper()
	s.join("realtime:"+topic, `{"private":true,"broadcast":{"replay":`+replay+`}}`)
	for i := from; i <= to; i++ {
		s.want(replayed(topic, i))
	}
	s.fenceIn("1", "realtime:"+topic)
}

func row166(t *testing.T, h *house) {
	h.kept(t, "r166", 3)
	h.dial(t, h.tenant(t, "")).wantReplay("r166", `{"since":0,"limit":10}`, 1, 3)
}

func row167(t *testing.T, h *house) {
	h.let(t, "r167", "broadcast", "r")
	s := h.dial(t, h.tenant(t, ""))
	for _, bad := range []string{`{"since":"5"}`, `{"since":1,"limit":"10"}`, `{"since":1.5}`, `{"since":99999999999999999}`, `{"since":true}`} {
		s.send(joinOf("1", "realtime:r167", `{"config":{"private":true,"broadcast":{"replay":`+bad+`}}}`))
		s.want(`["1","1","realtime:r167","phx_reply",{"status":"error","response":{"reason":"UnableToReplayMessages: Replay params are not valid"}}]`)
	}
	s.join("realtime:r167", `{"private":true,"broadcast":{"replay":{"limit":3}}}`)
}

func row168(t *testing.T, h *house) {
	h.kept(t, "r168", 30)
	id := h.tenant(t, "")
	for limit, first := range map[string]int{"0": 30, "null": 6, "100": 6, "-3": 30, "7": 24} {
		h.dial(t, id).wantReplay("r168", `{"since":0,"limit":`+limit+`}`, first, 30)
	}
}

func row169(t *testing.T, h *house) {
	h.kept(t, "r169", 1)
	for _, none := range []string{`null`, `123`} {
		h.dial(t, h.tenant(t, "")).wantReplay("r169", none, 1, 0)
	}
}

func row170(t *testing.T, h *house) {
	h.let(t, "r170", "presence", "r")
	s := h.dial(t, h.tenant(t, ""))
	s.send(joinOf("1", "realtime:r170", `{"config":{"private":true,"presence":{"enabled":true},"broadcast":{"replay":{"since":0}}}}`))
	s.want(`["1","1","realtime:r170","phx_reply",{"status":"error","response":{"reason":"` + cannotRead("r170") + `"}}]`)
}

// bytes stores a message of bytes for a topic.
func (h *house) bytes(t *testing.T, topic string) {
	t.Helper()
	h.let(t, topic, "broadcast", "r")
	pgtest.Exec(t, h.db, `insert into realtime.messages (topic, extension, event, binary_payload, private, id)
		values ('`+topic+`', 'broadcast', 'e', '\x0001ff', true, '`+messageID+`')`)
}

func row171(t *testing.T, h *house) {
	h.bytes(t, "r171")
	s := h.dial(t, h.tenant(t, ""))
	s.join("realtime:r171", `{"private":true,"broadcast":{"replay":{"since":0}}}`)
	const meta = `{"id":"` + messageID + `","replayed":true}`
	s.wantBinary("\x04\x0d\x01" + string(rune(len(meta))) + "\x00realtime:r171e" + meta + "\x00\x01\xff")
}

func row172(t *testing.T, h *house) {
	h.bytes(t, "r172")
	s := h.dialV1(t, h.tenant(t, ""))
	s.join("realtime:r172", `{"private":true,"broadcast":{"replay":{"since":0}}}`)
	s.fenceIn("1", "realtime:r172")
}

// row173: the row is inserted by a transaction that the stream shows only after it was replayed, or before: it comes once.
func row173(t *testing.T, h *house) {
	h.let(t, "r173", "broadcast", "r")
	id := h.tenant(t, "")
	s := h.dial(t, id)
	s.join("realtime:warm", `{"broadcast":{"replication_ready":true}}`)
	s.want(streams("warm"))
	for i := range 10 {
		pgtest.Exec(t, h.db, fmt.Sprintf(`insert into realtime.messages (topic, extension, event, payload, private) values ('r173', 'broadcast', 'e', '%d', true)`, i))
		v1 := h.dialV1(t, id)
		v1.join("realtime:r173", `{"private":true,"broadcast":{"replay":{"since":0,"limit":1}}}`)
		v1.want(fmt.Sprintf(`{"topic":"realtime:r173","event":"broadcast","payload":{"type":"broadcast","event":"e","meta":{"id":"$m%d","replayed":true},"payload":%[1]d},"ref":null}`, i))
		pgtest.Exec(t, h.db, `insert into realtime.messages (topic, extension, event, payload, private) values ('r173', 'broadcast', 'last', '0', true)`)
		v1.want(`{"topic":"realtime:r173","event":"broadcast","payload":{"type":"broadcast","event":"last","meta":{"id":"$last"},"payload":0},"ref":null}`)
		pgtest.Exec(t, h.db, `delete from realtime.messages where topic = 'r173'`)
		_ = v1.Close()
	}
}

func row174(t *testing.T, h *house) {
	h.kept(t, "r174", 5)
	h.dial(t, h.tenant(t, "")).wantReplay("r174", `{"since":0,"limit":2}`, 4, 5)
}

// row175: the role of the server may check policies there, but not read the messages as they are.
func row175(t *testing.T, h *house) {
	id, db := h.ownTenant(t, `create policy r on realtime.messages for select to anon using (true)`)
	pgtest.Exec(t, db, `alter table realtime.messages rename column payload to body`)
	s := h.dial(t, id)
	s.send(joinOf("1", "realtime:a", `{"config":{"private":true,"broadcast":{"replay":{"since":0}}}}`))
	s.want(`["1","1","realtime:a","phx_reply",{"status":"error","response":{"reason":"UnableToReplayMessages: Realtime was unable to replay messages"}}]`)
	h.wantLogged(t, id, "UnableToReplayMessages")
}

func row276(t *testing.T, h *house) {
	h.kept(t, "r276", 30)
	h.dial(t, h.tenant(t, "")).wantReplay("r276", `{}`, 6, 30)
}
