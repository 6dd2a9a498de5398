package cases

import (
	"testing"
	"time"

	"realtime/postgres/pgtest"
)

var sentRows = []row{
	as(158, "realtime.send", row158),
	as(159, "realtime.send_binary", row159),
	as(160, "realtime.broadcast_changes in a trigger", row160),
	differs(257, "replication_ready", "told again whenever the stream had been interrupted", row257),
	as(258, "replication_ready in vain", row258),
	as(259, "replication_ready that is no boolean", row259),
	as(260, "what follows a join, in order", row260),
	as(275, "row with skip_broadcast", row275),
}

// streams tells a member that messages are broadcast from now on.
func streams(topic string) string {
	return `["1",null,"realtime:` + topic + `","system",{"channel":"` + topic + `","extension":"system","message":"Replication connection established","status":"ok"}]`
}

// sent joins a public topic on both versions, when the stream is up.
func (h *house) sent(t *testing.T, topic string) (v2, v1 *socket) {
	t.Helper()
	id := h.tenant(t, "")
	v2, v1 = h.dial(t, id), h.dialV1(t, id)
	v1.join("realtime:"+topic, `{}`)
	v2.join("realtime:"+topic, `{"broadcast":{"replication_ready":true}}`)
	v2.want(streams(topic))
	return v2, v1
}

// An id as the database gives it, and the metadata with it.
const (
	messageID = "11111111-2222-4333-8444-555555555555"
	idMeta    = `{"id":"` + messageID + `"}`
)

func row158(t *testing.T, h *house) {
	v2, v1 := h.sent(t, "r158")
	pgtest.Exec(t, h.db, `insert into realtime.messages (topic, extension, event, payload, private, id) values ('r158', 'broadcast', 'e', '{"m": 1}', false, '`+messageID+`')`,
		`select realtime.send('{"m": 2}', 'e', 'r158', false)`)
	v2.wantBinary("\x04\x0d\x01" + string(rune(len(idMeta))) + "\x01realtime:r158e" + idMeta + `{"m": 1}`)
	v1.want(`{"topic":"realtime:r158","event":"broadcast","payload":{"event":"e","meta":`+idMeta+`,"payload":{"m":1},"type":"broadcast"},"ref":null}`,
		`{"topic":"realtime:r158","event":"broadcast","payload":{"event":"e","meta":{"id":"$uuid"},"payload":{"m":2,"id":"$uuid"},"type":"broadcast"},"ref":null}`)
}

func row159(t *testing.T, h *house) {
	v2, v1 := h.sent(t, "r159")
	pgtest.Exec(t, h.db, `insert into realtime.messages (topic, extension, event, binary_payload, private, id) values ('r159', 'broadcast', 'e', '\x01ff', false, '`+messageID+`')`)
	v2.wantBinary("\x04\x0d\x01" + string(rune(len(idMeta))) + "\x00realtime:r159e" + idMeta + "\x01\xff")
	v1.fenceIn("1", "realtime:r159")
}

func row160(t *testing.T, h *house) {
	h.let(t, "r160", "broadcast", "rw")
	v1 := h.dialV1(t, h.tenant(t, ""))
	v1.join("realtime:r160", `{"private":true,"broadcast":{"replication_ready":true}}`)
	v1.want(`{"topic":"realtime:r160","event":"system","payload":{"channel":"r160","extension":"system","message":"Replication connection established","status":"ok"},"ref":null}`)
	pgtest.Exec(t, h.db, `create table app.r160 (id int primary key, title text);
		create function app.r160() returns trigger language plpgsql as $$ begin
			perform realtime.broadcast_changes('r160', tg_op, tg_op, tg_table_name, tg_table_schema, new, old); return null; end $$;
		create trigger tell after insert or update or delete on app.r160 for each row execute function app.r160()`,
		`insert into app.r160 values (1, 'a')`, `update app.r160 set title = 'b'`, `delete from app.r160`)
	const a, b = `{"id":1,"title":"a"}`, `{"id":1,"title":"b"}`
	for _, c := range []struct{ op, record, old string }{{"INSERT", a, "null"}, {"UPDATE", b, a}, {"DELETE", "null", b}} {
		v1.want(`{"topic":"realtime:r160","event":"broadcast","payload":{"event":"` + c.op + `","meta":{"id":"$` + c.op + `"},"payload":{"id":"$` + c.op +
			`","operation":"` + c.op + `","schema":"app","table":"r160","record":` + c.record + `,"old_record":` + c.old + `},"type":"broadcast"},"ref":null}`)
	}
}

func row257(t *testing.T, h *house) {
	id, db := h.ownTenant(t)
	s := h.dial(t, id)
	s.join("realtime:a", `{"broadcast":{"replication_ready":true}}`)
	s.want(streams("a"))
	s.fenceIn("1", "realtime:a")
	pgtest.Exec(t, db, `select pg_terminate_backend(active_pid) from pg_replication_slots where database = current_database()`)
	s.want(streams("a"))
}

// row258: the whole minute.
func row258(t *testing.T, h *house) {
	s := h.dial(t, h.tenantOn(t, away(h), ""))
	s.join("realtime:a", `{"broadcast":{"replication_ready":true}}`)
	for range 3 {
		s.fenceIn("1", "realtime:a")
		<-time.After(20 * time.Second)
	}
	s.want(`["1",null,"realtime:a","system",{"channel":"a","extension":"system","message":"Replication connection was not established in time","status":"error"}]`,
		`["1","1","realtime:a","phx_close",{}]`)
}

func row259(t *testing.T, h *house) {
	id := h.tenant(t, "")
	for value, want := range map[string]bool{`"no"`: true, `0`: true, `"false"`: true, `true`: true, `false`: false, `null`: false} {
		s := h.dial(t, id)
		s.join("realtime:r259", `{"broadcast":{"replication_ready":`+value+`}}`)
		if want {
			s.want(streams("r259"))
		}
		s.fenceIn("1", "realtime:r259")
	}
}

func row260(t *testing.T, h *house) {
	h.kept(t, "r260", 2)
	h.let(t, "r260", "presence", "r")
	s := h.dial(t, h.changes)
	s.join("realtime:warm260", `{"broadcast":{"replication_ready":true}}`)
	s.want(streams("warm260"))
	s.send(joinOf("1", "realtime:r260", `{"config":{"private":true,"presence":{"enabled":true},"broadcast":{"replication_ready":true,"replay":{"since":0}},
		"postgres_changes":[{"event":"INSERT","schema":"app","table":"notes"}]}}`))
	s.want(changesReply("realtime:r260", `{"event":"INSERT","schema":"app","table":"notes","id":"$id"}`),
		replayed("r260", 1), replayed("r260", 2), subscribed("r260"), streams("r260"), `["1",null,"realtime:r260","presence_state",{}]`)
}

func row275(t *testing.T, h *house) {
	v2, v1 := h.sent(t, "r275")
	pgtest.Exec(t, h.db, `insert into realtime.messages (topic, extension, event, payload, private, skip_broadcast) values ('r275', 'broadcast', 'e', '1', false, true)`,
		`insert into realtime.messages (topic, extension, event, payload, private, id) values ('r275', 'broadcast', 'e', '2', false, '`+messageID+`')`)
	v2.wantBinary("\x04\x0d\x01" + string(rune(len(idMeta))) + "\x01realtime:r275e" + idMeta + "2")
	v1.want(`{"topic":"realtime:r275","event":"broadcast","payload":{"event":"e","meta":` + idMeta + `,"payload":2,"type":"broadcast"},"ref":null}`)
}
