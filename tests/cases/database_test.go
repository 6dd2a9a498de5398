package cases

import (
	"strings"
	"testing"
	"time"

	"realtime/actors"
	"realtime/postgres"
	"realtime/postgres/pgtest"
)

var databaseRows = []row{
	differs(124, "database down", "public channels do not need the database (quirk Q24)", row124),
	differs(125, "database out of connections", "public channels do not need the database (quirk Q24)", row125),
	differs(126, "database that failed often", "public channels do not need the database (quirk Q24)", row126),
}

// away are settings that lead nowhere.
func away(h *house) postgres.Settings {
	db := h.db
	db.Host, db.Port = "127.0.0.1", 1
	return db
}

// row124: a private join does need it.
func row124(t *testing.T, h *house) {
	s := h.dial(t, h.tenantOn(t, away(h), ""))
	s.join("realtime:a", `{"broadcast":{"ack":true}}`)
	s.send(`["1","2","realtime:a","broadcast",{"m":1}]`)
	s.want(`["1","2","realtime:a","phx_reply",` + done + `]`)
	s.refusedAs("realtime:b", `{"config":{"private":true}}`, outOfReach)
}

// row125: who wants changes from a database that takes no connection is joined all the same, and told what the matter is.
func row125(t *testing.T, h *house) {
	role := pgtest.Name(t)
	pgtest.Exec(t, h.db, `create role `+role+` login replication password 'pw' connection limit 0`)
	t.Cleanup(func() { pgtest.Exec(t, h.db, `drop role `+role) })
	db := h.db
	db.User, db.Password = role, "pw"
	a := h.annex(t, func(o *actors.Options) { o.LiveTimeout = 300 * time.Millisecond })
	s := a.dial(t, a.tenantOn(t, db, ""))
	s.join("realtime:a", `{}`)
	s.send(joinOf("2", "realtime:b", `{"config":{"postgres_changes":[{"event":"*","schema":"public"}]}}`))
	s.want(`["2","2","realtime:b","phx_reply",{"status":"ok","response":{"postgres_changes":[{"event":"*","schema":"public","id":74307548}]}}]`,
		`["2",null,"realtime:b","system",{"channel":"b","extension":"postgres_changes","message":"$why","status":"error"}]`)
	if s.n["why"] != "Database can't accept more connections, Realtime won't connect" {
		t.Errorf("the client is told %q", s.n["why"])
	}
	s.refusedAs("realtime:c", `{"config":{"private":true}}`, "DatabaseLackOfConnections: Database can't accept more connections, Realtime won't connect")
}

// row126: failures of the feed do not count against anybody's join.
func row126(t *testing.T, h *house) {
	a := h.annex(t, func(o *actors.Options) { o.LiveTimeout = 100 * time.Millisecond })
	id := a.tenantOn(t, away(a), "")
	s := a.dial(t, id)
	for i := range 4 {
		topic := "realtime:" + string(rune('a'+i))
		s.send(joinOf("1", topic, `{"config":{"postgres_changes":[{"event":"*","schema":"public"}]}}`))
		reply := `["1","1","` + topic + `","phx_reply",{"status":"ok","response":{"postgres_changes":[{"event":"*","schema":"public","id":74307548}]}}]`
		for s.n.match(s.next(), reply) != nil { // system messages of the others come between
		}
	}
	eventually(t, "three failures", func() bool { return strings.Count(a.logs.String(), "feed was interrupted") >= 3 })
	late := a.dial(t, id)
	late.join("realtime:late", `{}`)
	for range 3 {
		late.refusedAs("realtime:secret", `{"config":{"private":true}}`, outOfReach)
	}
	late.refusedAs("realtime:secret", `{"config":{"private":true}}`, "DatabaseConnectionRateLimitReached: Too many database connections attempts per second")
}
