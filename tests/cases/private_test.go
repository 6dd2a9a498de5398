package cases

import (
	"fmt"
	"testing"
	"time"

	"realtime/postgres"
	"realtime/postgres/pgtest"
	"realtime/tests/leaks"
)

var privateRows = []row{
	as(113, "private join where only private ones are allowed", row113),
	as(150, "public and private channel of one name", row150),
	as(152, "write denied, ack on", row152),
	differs(153, "database away, ack on", "the right to write was asked with the right to read, and holds", row153),
	as(155, "presence alone may be read", row155),
	as(191, "presence may not be written", row191),
	as(192, "untrack where presence may not be written", row192),
	as(202, "presence not asked for", row202),
	as(203, "presence not asked for, then tracked", row203),
	as(204, "presence asked for, may not be read", row204),
	as(244, "presence alone may be read, asked for", row244),
	as(245, "presence alone may be read, not asked for", row245),
	as(246, "broadcasts may be read, not written", row246),
}

// policies let everybody do what app.rights says of the topic.
var policies = []string{
	`create table app.rights (topic text, extension text, may text, primary key (topic, extension))`,
	`grant select on app.rights to anon`,
	`create policy may_read on realtime.messages for select to anon
		using (exists (select from app.rights r where r.topic = realtime.topic() and r.extension = messages.extension and r.may like '%r%'))`,
	`create policy may_write on realtime.messages for insert to anon
		with check (exists (select from app.rights r where r.topic = realtime.topic() and r.extension = messages.extension and r.may like '%w%'))`,
}

// prepare makes a database ready for private channels.
func prepare(t *testing.T, db postgres.Settings) {
	t.Helper()
	if _, err := postgres.PrepareTenant(t.Context(), pgtest.Conn(t, db), time.Now()); err != nil {
		t.Fatal(err)
	}
}

// let gives everybody rights on a topic, which must be the row's own: "r", "w", "rw" or none.
func (h *house) let(t testing.TB, topic, extension, may string) {
	t.Helper()
	pgtest.Exec(t, h.db, fmt.Sprintf(`insert into app.rights values ('%s', '%s', '%s') on conflict (topic, extension) do update set may = excluded.may`,
		topic, extension, may))
}

// cannotRead is what a private join without a right to read is told.
func cannotRead(topic string) string {
	return "Unauthorized: You do not have permissions to read from this Channel topic: " + topic
}

const outOfReach = "UnableToConnectToProject: Realtime was unable to connect to the project database"

// say broadcasts a number, as ref.
func (s *socket) say(topic, n string) {
	s.t.Helper()
	s.send(`["1","` + n + `","realtime:` + topic + `","broadcast",{"n":` + n + `,"note":"` + leaks.Marker + `"}]`)
}

func (s *socket) wantSaid(topic, n string) {
	s.t.Helper()
	s.want(`[null,null,"realtime:` + topic + `","broadcast",{"n":` + n + `,"note":"` + leaks.Marker + `"}]`)
}

// wantAck is the ok to a push.
func (s *socket) wantAck(topic, ref string) {
	s.t.Helper()
	s.want(`["1","` + ref + `","realtime:` + topic + `","phx_reply",` + done + `]`)
}

func row113(t *testing.T, h *house) {
	h.let(t, "r113", "broadcast", "r")
	s := h.dial(t, h.tenant(t, `,"private_only":true`))
	s.join("realtime:r113", `{"private":true}`)
}

func row150(t *testing.T, h *house) {
	h.let(t, "r150", "broadcast", "rw")
	id := h.tenant(t, "")
	open, secret := h.dial(t, id), h.dial(t, id)
	open.join("realtime:r150", `{"broadcast":{"ack":true}}`)
	secret.join("realtime:r150", `{"private":true,"broadcast":{"ack":true}}`)
	open.say("r150", "1")
	open.wantAck("r150", "1")
	secret.say("r150", "2")
	secret.wantAck("r150", "2")
	open.fenceIn("1", "realtime:r150")
	secret.fenceIn("1", "realtime:r150")
}

func row152(t *testing.T, h *house) {
	h.let(t, "r152", "broadcast", "r")
	id := h.tenant(t, "")
	a, b := h.dial(t, id), h.dial(t, id)
	a.join("realtime:r152", `{"private":true,"broadcast":{"ack":true,"self":true}}`)
	b.join("realtime:r152", `{"private":true}`)
	a.say("r152", "1")
	a.fenceIn("1", "realtime:r152")
	b.fenceIn("1", "realtime:r152")
	h.wantLogged(t, id, "write broadcast denied")
}

func row153(t *testing.T, h *house) {
	h.let(t, "r153", "broadcast", "rw")
	proxy, db := pgtest.ProxyTo(t, h.db)
	id := h.tenantOn(t, db, "")
	a, b := h.dial(t, id), h.dial(t, id)
	a.join("realtime:r153", `{"private":true,"broadcast":{"ack":true}}`)
	b.join("realtime:r153", `{"private":true}`)
	proxy.Refuse(true)
	proxy.Cut()
	a.say("r153", "1")
	a.wantAck("r153", "1")
	b.wantSaid("r153", "1")
}

func row155(t *testing.T, h *house) {
	h.let(t, "r155", "broadcast", "rw")
	h.let(t, "r155", "presence", "rw")
	id := h.tenant(t, "")
	a := h.dial(t, id)
	a.join("realtime:r155", `{"private":true,"broadcast":{"ack":true}}`)
	h.let(t, "r155", "broadcast", "")
	b := h.open(t, id, token(t, "sub", "b"), "vsn=2.0.0")
	b.join("realtime:r155", `{"private":true,"presence":{"enabled":true}}`)
	b.want(`["1",null,"realtime:r155","presence_state",{}]`)
	a.say("r155", "1")
	a.wantAck("r155", "1")
	b.fenceIn("1", "realtime:r155")
}

func row191(t *testing.T, h *house) {
	h.let(t, "r191", "broadcast", "r")
	h.let(t, "r191", "presence", "r")
	id := h.tenant(t, "")
	s := h.dial(t, id)
	s.join("realtime:r191", `{"private":true,"presence":{"enabled":true}}`)
	s.want(`["1",null,"realtime:r191","presence_state",{}]`)
	for range 8 {
		s.send(`["1","2","realtime:r191","presence",{"type":"presence","event":"track","payload":{}}]`)
		s.want(`["1","2","realtime:r191","phx_reply",{"status":"error","response":{}}]`)
	}
	s.fenceIn("1", "realtime:r191")
	h.wantLogged(t, id, "UnableToHandlePresence")
}

func row192(t *testing.T, h *house) {
	h.let(t, "r192", "broadcast", "r")
	s := h.dial(t, h.tenant(t, ""))
	s.join("realtime:r192", `{"private":true}`)
	s.send(`["1","2","realtime:r192","presence",{"type":"presence","event":"untrack"}]`)
	s.wantAck("r192", "2")
}

// enterTracking joins with presence and tracks.
func (s *socket) enterTracking(topic string) {
	s.t.Helper()
	s.join("realtime:"+topic, `{"private":true,"presence":{"enabled":true,"key":"k"}}`)
	s.want(`["1",null,"realtime:` + topic + `","presence_state",{}]`)
	s.trackIn(topic)
	s.want(`[null,null,"realtime:` + topic + `","presence_diff",{"joins":{"k":{"metas":[{"phx_ref":"$R"}]}},"leaves":{}}]`)
	s.wantAck(topic, "7")
}

func (s *socket) trackIn(topic string) {
	s.t.Helper()
	s.send(`["1","7","realtime:` + topic + `","presence",{"type":"presence","event":"track","payload":{}}]`)
}

func row202(t *testing.T, h *house) {
	h.let(t, "r202", "broadcast", "r")
	h.let(t, "r202", "presence", "rw")
	id := h.tenant(t, "")
	b := h.dial(t, id)
	b.join("realtime:r202", `{"private":true}`)
	h.dial(t, id).enterTracking("r202")
	b.fenceIn("1", "realtime:r202")
}

func row203(t *testing.T, h *house) {
	h.let(t, "r203", "broadcast", "r")
	h.let(t, "r203", "presence", "rw")
	id := h.tenant(t, "")
	a, b := h.dial(t, id), h.dial(t, id)
	a.join("realtime:r203", `{"private":true,"presence":{"enabled":false,"key":"a"}}`)
	a.trackIn("r203")
	a.want(`["1",null,"realtime:r203","presence_diff",{"joins":{"a":{"metas":[{"phx_ref":"$A"}]}},"leaves":{}}]`)
	a.wantAck("r203", "7")
	b.join("realtime:r203", `{"private":true,"presence":{"enabled":false,"key":"b"}}`)
	b.trackIn("r203")
	a.want(`["1",null,"realtime:r203","presence_diff",{"joins":{"b":{"metas":[{"phx_ref":"$B"}]}},"leaves":{}}]`)
}

func row204(t *testing.T, h *house) {
	h.let(t, "r204", "broadcast", "r")
	h.let(t, "r204", "presence", "w")
	id := h.tenant(t, "")
	b := h.dial(t, id)
	b.join("realtime:r204", `{"private":true,"presence":{"enabled":true}}`)
	a := h.dial(t, id)
	a.join("realtime:r204", `{"private":true,"presence":{"enabled":true}}`)
	a.trackIn("r204")
	a.wantAck("r204", "7")
	b.fenceIn("1", "realtime:r204")
}

func row244(t *testing.T, h *house) {
	h.let(t, "r244", "broadcast", "w")
	h.let(t, "r244", "presence", "r")
	id := h.tenant(t, "")
	a, b := h.dial(t, id), h.dial(t, id)
	for _, s := range []*socket{a, b} {
		s.join("realtime:r244", `{"private":true,"presence":{"enabled":true},"broadcast":{"ack":true,"self":true}}`)
		s.want(`["1",null,"realtime:r244","presence_state",{}]`)
	}
	a.say("r244", "1")
	a.wantAck("r244", "1") // and not what it said itself either
	b.fenceIn("1", "realtime:r244")
}

func row245(t *testing.T, h *house) {
	h.let(t, "r245", "presence", "rw")
	s := h.dial(t, h.tenant(t, ""))
	s.refusedAs("realtime:r245", `{"config":{"private":true,"presence":{"enabled":false}}}`, cannotRead("r245"))
}

func row246(t *testing.T, h *house) {
	h.let(t, "r246", "broadcast", "rw")
	id := h.tenant(t, "")
	a := h.dial(t, id)
	a.join("realtime:r246", `{"private":true}`)
	h.let(t, "r246", "broadcast", "r")
	b := h.open(t, id, token(t, "sub", "b"), "vsn=2.0.0")
	b.join("realtime:r246", `{"private":true,"broadcast":{"ack":true,"self":true}}`)
	b.say("r246", "1")
	b.fenceIn("1", "realtime:r246")
	a.fenceIn("1", "realtime:r246")
	a.say("r246", "2")
	b.wantSaid("r246", "2")
}
