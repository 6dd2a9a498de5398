package cases

import (
	"slices"
	"testing"
	"time"

	"realtime/actors"
	"realtime/postgres/pgtest"
)

var feedRows = []row{
	differs(218, "database that does not answer", "joined within 8 s, told what the matter is, subscribed when it answers", row218),
	as(219, "insert", row219),
	as(220, "update and delete", row220),
	differs(221, "two entries match", "the ids come in any order: clients look them up (quirk Q34)", row221),
	as(222, "select", row222),
	as(224, "insert for a join without config", row224),
	differs(227, "first subscriber", "the join is answered when its changes flow: what commits behind the reply is delivered", row227),
	as(228, "refreshed token", row228),
}

// row218: the wire to the database is dead, without being cut.
func row218(t *testing.T, h *house) {
	proxy, db := pgtest.ProxyTo(t, h.db)
	a := h.annex(t, func(o *actors.Options) { o.LiveTimeout = 300 * time.Millisecond })
	id := a.tenantOn(t, db, "")
	proxy.Stall(true)
	s := a.dial(t, id)
	s.send(joinOf("1", "realtime:a", `{"config":{"postgres_changes":[{"event":"INSERT","schema":"app","table":"late"}]}}`))
	s.want(changesReply("realtime:a", `{"event":"INSERT","schema":"app","table":"late","id":"$id"}`))
	s.fenceIn("1", "realtime:a")
	proxy.Stall(false)
	s.want(subscribed("a"))
}

const noteColumns = `[{"name":"id","type":"int4"},{"name":"details","type":"text"}]`

// changeOf is a postgres_changes frame for one id. images are its record and old_record.
func changeOf(topic, kind, table, columns, images string) string {
	return `[null,null,"` + topic + `","postgres_changes",{"ids":["$id"],"data":` + dataOf(kind, table, columns, images) + `}]`
}

func dataOf(kind, table, columns, images string) string {
	return `{"columns":` + columns + `,"commit_timestamp":"$now","errors":null,"schema":"app","table":"` + table + `","type":"` + kind + `",` + images + `}`
}

func row219(t *testing.T, h *house) {
	s, v1 := h.dial(t, h.changes), h.dialV1(t, h.changes)
	s.watchAll("realtime:r219", `{"event":"*","schema":"app","table":"notes"}`, `{"event":"*","schema":"app","table":"notes","id":"$id"}`)
	v1.send(`{"topic":"realtime:r219","event":"phx_join","payload":{"config":{"postgres_changes":[{"event":"INSERT","schema":"app","table":"notes"}]}},"ref":"1","join_ref":"1"}`)
	v1.want(`{"topic":"realtime:r219","event":"phx_reply","payload":{"status":"ok","response":{"postgres_changes":[{"event":"INSERT","schema":"app","table":"notes","id":"$id"}]}},"ref":"1"}`,
		`{"topic":"realtime:r219","event":"system","payload":{"channel":"r219","extension":"postgres_changes","message":"Subscribed to PostgreSQL","status":"ok"},"ref":null}`)
	pgtest.Exec(t, h.db, `insert into app.notes values (1, 'x')`)
	s.want(changeOf("realtime:r219", "INSERT", "notes", noteColumns, `"record":{"id":1,"details":"x"}`))
	v1.want(`{"topic":"realtime:r219","event":"postgres_changes","payload":{"ids":["$id"],"data":` +
		dataOf("INSERT", "notes", noteColumns, `"record":{"id":1,"details":"x"}`) + `},"ref":null}`)
}

func row220(t *testing.T, h *house) {
	s := h.dial(t, h.changes)
	s.watch("realtime:r220", `{"event":"*","schema":"app","table":"olds"}`)
	pgtest.Exec(t, h.db, `update app.olds set details = 'y'`, `delete from app.olds`)
	s.want(changeOf("realtime:r220", "UPDATE", "olds", noteColumns, `"record":{"id":1,"details":"y"},"old_record":{"id":1,"details":"x"}`),
		changeOf("realtime:r220", "DELETE", "olds", noteColumns, `"old_record":{"id":1,"details":"y"}`))
}

func row221(t *testing.T, h *house) {
	s := h.dial(t, h.changes)
	s.send(joinOf("1", "realtime:r221", `{"config":{"postgres_changes":[{"event":"INSERT","schema":"app"},{"event":"*","schema":"app","table":"both"}]}}`))
	reply := s.next()
	v, err := decode(reply)
	if err != nil {
		t.Fatal(err)
	}
	entries := v.([]any)[4].(map[string]any)["response"].(map[string]any)["postgres_changes"].([]any)
	insert, all := entries[0].(map[string]any)["id"], entries[1].(map[string]any)["id"]
	s.want(subscribed("r221"))
	pgtest.Exec(t, h.db, `insert into app.both values (1)`)
	for { // the first entry is for the whole schema, where other rows write as well
		v, err := decode(s.next())
		if err != nil {
			t.Fatal(err)
		}
		payload := v.([]any)[4].(map[string]any)
		if payload["data"].(map[string]any)["table"] != "both" {
			continue
		}
		if ids := payload["ids"].([]any); len(ids) != 2 || !slices.Contains(ids, all) || !slices.Contains(ids, insert) {
			t.Errorf("ids %v, want those of * and of INSERT, %v and %v", ids, all, insert)
		}
		return
	}
}

func row222(t *testing.T, h *house) {
	s := h.dial(t, h.changes)
	s.watch("realtime:r222", `{"event":"INSERT","schema":"app","table":"picked","select":["details"]}`)
	pgtest.Exec(t, h.db, `insert into app.picked values (1, 'n', 'd')`)
	s.want(changeOf("realtime:r222", "INSERT", "picked", noteColumns, `"record":{"id":1,"details":"d"}`))
}

func row224(t *testing.T, h *house) {
	s := h.dial(t, h.changes)
	const topic = "realtime:app:people"
	s.send(joinOf("1", topic, `{}`))
	s.want(changesReply(topic, `{"schema":"app","table":"people","id":"$id"}`), subscribed("app:people"))
	pgtest.Exec(t, h.db, `insert into app.people values (1, 'n')`)
	s.want(`[null,null,"` + topic + `","INSERT",` + dataOf("INSERT", "people", `[{"name":"id","type":"int4"},{"name":"name","type":"text"}]`, `"record":{"id":1,"name":"n"}`) + `]`)
}

func row227(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	s.send(joinOf("1", "realtime:a", `{"config":{"postgres_changes":[{"event":"INSERT","schema":"app","table":"late"}]}}`))
	s.want(changesReply("realtime:a", `{"event":"INSERT","schema":"app","table":"late","id":"$id"}`))
	pgtest.Exec(t, h.db, `insert into app.late values (1)`)
	s.want(subscribed("a"), changeOf("realtime:a", "INSERT", "late", `[{"name":"id","type":"int4"}]`, `"record":{"id":1}`))
}

func row228(t *testing.T, h *house) {
	s := h.dial(t, h.changes)
	s.watch("realtime:r228", `{"event":"*","schema":"public","table":"test"}`)
	s.send(`["1","2","realtime:r228","access_token",{"access_token":"` + token(t, "sub", "somebody") + `"}]`)
	s.want(subscribed("r228"))
}
