package cases

import (
	"strings"
	"testing"
	"time"

	"realtime/actors"
	"realtime/postgres/pgtest"
)

// TestOutages: while the database of a tenant is away, full or takes for ever, its public channels go on, whoever needs the
// database is told why not, and everything comes back by itself.
func TestOutages(t *testing.T) {
	t.Parallel()
	h := newHouse(t).annex(t, func(o *actors.Options) { o.LiveTimeout = 300 * time.Millisecond })
	for name, test := range map[string]func(*testing.T, *house){
		"down": databaseDown, "full": databaseFull, "stalled": databaseStalled, "stalled from the beginning": databaseNeverAnswered, "slow": databaseSlow,
		"too small": databaseTooSmall,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, h)
		})
	}
}

// public sees that what needs no database works: a join, a broadcast with its answer, presence.
func (h *house) public(t *testing.T, id, topic string) {
	t.Helper()
	s := h.dial(t, id)
	s.join("realtime:"+topic, `{"broadcast":{"ack":true,"self":true},"presence":{"enabled":true,"key":"k"}}`)
	s.want(`["1",null,"realtime:` + topic + `","presence_state",{}]`)
	s.say(topic, "1")
	s.wantSaid(topic, "1")
	s.wantAck(topic, "1")
	s.trackIn(topic)
	s.want(`[null,null,"realtime:` + topic + `","presence_diff",{"joins":{"k":{"metas":[{"phx_ref":"$R"}]}},"leaves":{}}]`)
	s.wantAck(topic, "7")
	s.hangUp()
}

// asksForChanges joins a topic of its own with changes and sees them refused for now; the channel stays.
func (h *house) asksForChanges(t *testing.T, id, why string) *socket {
	t.Helper()
	s := h.dial(t, id)
	s.send(joinOf("1", "realtime:changes", `{"config":{"postgres_changes":[{"event":"INSERT","schema":"app","table":"waited"}]}}`))
	s.want(changesReply("realtime:changes", `{"event":"INSERT","schema":"app","table":"waited","id":"$id"}`))
	s.want(`["1",null,"realtime:changes","system",{"channel":"changes","extension":"postgres_changes","message":"$why","status":"error"}]`)
	if !strings.Contains(s.n["why"], why) {
		t.Errorf("a member that waits for changes is told %q, want %q", s.n["why"], why)
	}
	return s
}

// wantChanges waits until changes flow; that they do not yet may be said more than once.
func (s *socket) wantChanges() {
	s.t.Helper()
	for got := ""; s.n.match(got, subscribed("changes")) != nil; {
		if got = s.next(); !strings.Contains(got, `"extension":"postgres_changes"`) {
			s.t.Fatalf("got %s", got)
		}
	}
}

// back waits until a private channel can be joined.
func (h *house) back(t *testing.T, id, topic string) {
	t.Helper()
	eventually(t, "a private channel again", func() bool {
		s := h.dial(t, id)
		defer s.hangUp()
		s.send(joinOf("1", "realtime:"+topic, private))
		return s.n.match(s.next(), `["1","1","realtime:`+topic+`","phx_reply",`+joined+`]`) == nil
	})
	h.public(t, id, "after")
}

// wantStatus sends a message to a private topic over HTTP.
func (h *house) wantStatus(t *testing.T, id, topic string, status int, answer string) {
	t.Helper()
	if got, body := h.post1(t, id, topic+"/events/e?private=true", "application/json", `{"a":1}`); got != status || body != `{"message":"`+answer+`"}` {
		t.Errorf("over HTTP: %d %s, want %d %s", got, body, status, answer)
	}
}

func databaseDown(t *testing.T, h *house) {
	h.let(t, "down", "broadcast", "rw")
	proxy, db := pgtest.ProxyTo(t, h.db)
	id := h.tenantOn(t, db, "")
	member := h.dial(t, id)
	member.join("realtime:down", `{"private":true,"broadcast":{"ack":true}}`)
	proxy.Refuse(true)
	h.public(t, id, "open")
	h.dial(t, id).refusedAs("realtime:other", private, outOfReach)
	h.wantStatus(t, id, "other", 422, "Tenant database unavailable")
	changes := h.asksForChanges(t, id, "connecting for replication failed")
	member.say("down", "1") // what was granted holds
	member.wantAck("down", "1")
	h.wantLogged(t, id, "UnableToConnectToTenantDatabase")
	eventually(t, "a word about the pool", func() bool { return h.logged(id, "DatabaseConnectionDown") })
	h.public(t, id, "still")
	proxy.Refuse(false)
	h.back(t, id, "down")
	changes.wantChanges()
	eventually(t, "a word about the return", func() bool { return h.logged(id, "the tenant's database is back") })
}

func databaseFull(t *testing.T, h *house) {
	h.let(t, "full", "broadcast", "rw")
	role := pgtest.Name(t)
	pgtest.Exec(t, h.db, `create role `+role+` superuser replication login password 'pw' in role supabase_realtime_admin`)
	t.Cleanup(func() {
		pgtest.Exec(t, h.db, `reassign owned by `+role+` to current_user`, `drop owned by `+role, `drop role `+role)
	})
	db := h.db
	db.User, db.Password = role, "pw"
	pgtest.Exec(t, h.db, `alter role `+role+` nosuperuser connection limit 0`)
	id := h.tenantOn(t, db, "")
	const full = "Database can't accept more connections, Realtime won't connect"
	h.public(t, id, "open")
	h.dial(t, id).refusedAs("realtime:full", private, "DatabaseLackOfConnections: "+full)
	h.wantStatus(t, id, "full", 422, "Tenant database has too many connections")
	changes := h.asksForChanges(t, id, full)
	h.public(t, id, "still")
	pgtest.Exec(t, h.db, `alter role `+role+` superuser connection limit -1`)
	h.back(t, id, "full")
	changes.wantChanges()
}

// databaseTooSmall: whoever asks for a larger pool than the server has connections is told the numbers.
func databaseTooSmall(t *testing.T, h *house) {
	id := h.tenantWith(t, h.db, map[string]any{"db_pool": 5000}, "")
	h.public(t, id, "open")
	h.dial(t, id).refusedAs("realtime:full", private, "DatabaseLackOfConnections: Database can't accept more connections, Realtime won't connect")
	h.wantLogged(t, id, "at least 5004 connections are required")
}

// databaseStalled: nothing is cut, nothing is answered.
func databaseStalled(t *testing.T, h *house) {
	h.let(t, "stalled", "broadcast", "rw")
	proxy, db := pgtest.ProxyTo(t, h.db)
	id := h.tenantOn(t, db, "")
	member := h.dial(t, id)
	member.join("realtime:stalled", `{"private":true,"broadcast":{"ack":true}}`)
	<-time.After(1100 * time.Millisecond) // a connection that was idle for a second is tried before it is used
	proxy.Stall(true)
	waiting := h.dial(t, id)
	waiting.send(joinOf("1", "realtime:other", private))
	h.public(t, id, "open") // while another waits
	changes := h.asksForChanges(t, id, "connecting for replication took too long")
	h.wantLogged(t, id, "ReplicationConnectionTimeout")
	member.say("stalled", "1")
	member.wantAck("stalled", "1")
	waiting.want(`["1","1","realtime:other","phx_reply",{"status":"error","response":{"reason":"$reason"}}]`)
	if got := waiting.n["reason"]; got != outOfReach && got != "IncreaseConnectionPool: Please increase your connection pool size" { // as many wait as the pool has connections
		t.Errorf("refused for %q", got)
	}
	h.public(t, id, "still")
	proxy.Stall(false)
	h.back(t, id, "stalled")
	changes.wantChanges()
}

// databaseNeverAnswered: the pool is being opened, and joins do not wait for as long as that may take.
func databaseNeverAnswered(t *testing.T, h *house) {
	h.let(t, "never", "broadcast", "rw")
	proxy, db := pgtest.ProxyTo(t, h.db)
	proxy.Stall(true)
	h = h.annex(t, func(o *actors.Options) { o.OpenWait = time.Second })
	id := h.tenantOn(t, db, "")
	waiting := h.dial(t, id)
	waiting.send(joinOf("1", "realtime:never", private))
	h.public(t, id, "open")
	waiting.want(`["1","1","realtime:never","phx_reply",` + failure(t, "InitializingProjectConnection: Realtime is initializing the project connection") + `]`)
	proxy.Stall(false)
	h.back(t, id, "never") // in the end: each try waits a second only
}

// databaseSlow: what has to ask waits, changes come late, and nothing else does.
func databaseSlow(t *testing.T, h *house) {
	h.let(t, "slow", "broadcast", "rw")
	proxy, db := pgtest.ProxyTo(t, h.db)
	id := h.tenantOn(t, db, "")
	h.back(t, id, "slow")
	watcher := h.dial(t, id)
	watcher.send(joinOf("1", "realtime:changes", `{"config":{"postgres_changes":[{"event":"INSERT","schema":"app","table":"waited"}]}}`))
	watcher.want(changesReply("realtime:changes", `{"event":"INSERT","schema":"app","table":"waited","id":"$id"}`))
	watcher.wantChanges()
	const late = 50 * time.Millisecond
	proxy.Delay(late)
	begun := time.Now()
	h.let(t, "late", "broadcast", "rw")
	waiting := h.dial(t, id)
	waiting.send(joinOf("1", "realtime:late", private))
	h.public(t, id, "open")
	waiting.want(`["1","1","realtime:late","phx_reply",` + joined + `]`)
	if took := time.Since(begun); took < 2*late {
		t.Errorf("joined after %s, in less time than a question takes", took)
	}
	pgtest.Exec(t, h.db, `insert into app.waited values (1)`)
	watcher.want(changeOf("realtime:changes", "INSERT", "waited", `[{"name":"id","type":"int4"}]`, `"record":{"id":1}`))
}
