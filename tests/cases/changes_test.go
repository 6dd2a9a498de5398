package cases

import (
	"strings"
	"testing"
)

var changesRows = []row{
	as(207, "two entries", row207),
	as(208, "same entry twice", row208),
	as(209, "null among the entries", row209),
	as(210, "entries of a wrong type", row210),
	differs(211, "entry of a wrong type", "one clear reason in place of an exception's text (quirk Q6)", row211),
	as(212, "empty entry", row212),
	differs(213, "parameters of a wrong type", "null is as if it were absent (quirk Q19)", row213),
	as(214, "filter of no form", row214),
	as(215, "select of no form", row215),
	as(216, "table not published", row216),
	as(217, "filter on no column", row217),
	as(223, "join without config", row223),
	differs(225, "entry with an id", "one id, the server's (quirk Q18)", row225),
}

// The tables of the rows about changes, one for each row that writes, all without row level security.
var tables = []string{
	`create schema app`,
	`grant usage on schema app to anon`,
	`create table app.notes (id int primary key, details text)`,
	`create table app.olds (id int primary key, details text)`,
	`create table app.both (id int primary key)`,
	`create table app.picked (id int primary key, name text, details text)`,
	`create table app.people (id int primary key, name text)`,
	`create table app.busy (id int primary key)`,
	`create table app.late (id int primary key)`,
	`create table app.rooms (id int primary key)`,
	`create table app.waited (id int primary key)`,
	`create table app.hidden (id int primary key)`,
	`create table public.test (id int primary key, details text)`,
	`alter table app.olds replica identity full`,
	`insert into app.olds values (1, 'x')`,
	`grant select on all tables in schema app, public to anon`,
	`alter publication supabase_realtime add table app.notes, app.olds, app.both, app.picked, app.people, app.busy, app.late, app.rooms, app.waited, public.test`,
}

// subscribed is the system message of a join whose changes flow.
func subscribed(sub string) string {
	return `["1",null,"realtime:` + sub + `","system",{"channel":"` + sub + `","extension":"postgres_changes","message":"Subscribed to PostgreSQL","status":"ok"}]`
}

// watch joins a topic with one entry and waits until its changes flow.
func (s *socket) watch(topic, entry string) {
	s.t.Helper()
	s.watchAll(topic, entry, strings.TrimSuffix(entry, "}")+`,"id":"$id"}`)
}

// watchAll joins a topic with entries; echo is what the reply lists.
func (s *socket) watchAll(topic, entries, echo string) {
	s.t.Helper()
	s.send(joinOf("1", topic, `{"config":{"postgres_changes":[`+entries+`]}}`))
	s.want(changesReply(topic, echo), subscribed(strings.TrimPrefix(topic, "realtime:")))
}

func changesReply(topic, echo string) string {
	return `["1","1","` + topic + `","phx_reply",{"status":"ok","response":{"postgres_changes":[` + echo + `]}}]`
}

// told joins with entries that can never work: ok, and the system message that says why.
func told(t *testing.T, h *house, entries, echo, message string, beside ...string) {
	t.Helper()
	s := h.dial(t, h.changes)
	s.send(joinOf("1", "realtime:a", `{"config":{"postgres_changes":[`+entries+`]}}`))
	s.want(changesReply("realtime:a", echo),
		`["1",null,"realtime:a","system",{"channel":"a","extension":"postgres_changes","message":`+quote(t, message)+`,"status":"error"}]`)
	for _, warning := range beside {
		s.want(`["1",null,"realtime:a","system",{"channel":"a","extension":"postgres_changes","message":` + quote(t, warning) + `,"status":"ok"}]`)
	}
	s.fenceIn("1", "realtime:a")
}

func row207(t *testing.T, h *house) {
	h.dial(t, h.changes).watchAll("realtime:r207", `{"event":"INSERT","schema":"public"},{"event":"*","schema":"public"}`,
		`{"id":100468891,"event":"INSERT","schema":"public"},{"id":74307548,"event":"*","schema":"public"}`)
}

func row208(t *testing.T, h *house) {
	const entry = `{"event":"*","schema":"public","table":"test"}`
	const echo = `{"id":106243155,"event":"*","schema":"public","table":"test"}`
	h.dial(t, h.changes).watchAll("realtime:r208", entry+","+entry, echo+","+echo)
}

func row209(t *testing.T, h *house) {
	s := h.dial(t, h.changes)
	s.join("realtime:r209", `{"postgres_changes":[null]}`)
	s.fenceIn("1", "realtime:r209")
}

func row210(t *testing.T, h *house) {
	s := h.dial(t, h.changes)
	for _, entries := range []string{`"x"`, `{"event":"*"}`} {
		s.send(joinOf("1", "realtime:r210", `{"config":{"postgres_changes":`+entries+`}}`))
		s.want(`["1","1","realtime:r210","phx_reply",` + joined + `]`)
		s.fenceIn("1", "realtime:r210")
		s.send(`["1","2","realtime:r210","phx_leave",{}]`)
		s.want(`["1","2","realtime:r210","phx_reply",`+done+`]`, `["1","1","realtime:r210","phx_close",{}]`)
	}
}

func row211(t *testing.T, h *house) {
	h.dial(t, h.tenant(t, "")).refused(`{"config":{"postgres_changes":["x"]}}`,
		"UnknownErrorOnChannel: every entry of config.postgres_changes must be an object")
}

const noParams = "No subscription params provided. Please provide at least a `schema` or `table` to subscribe to: "

func row212(t *testing.T, h *house) {
	told(t, h, `{}`, `{"id":39679005}`, noParams+"%{}")
}

func row213(t *testing.T, h *house) {
	told(t, h, `{"schema":5}`, `{"schema":5,"id":"$id"}`, noParams+`%{"schema" => 5}`)
	h.dial(t, h.changes).watchAll("realtime:r213", `{"schema":"public","table":"test","filter":null}`, `{"schema":"public","table":"test","filter":null,"id":"$id"}`)
}

func row214(t *testing.T, h *house) {
	told(t, h, `{"schema":"public","table":"test","filter":"wrong"}`, `{"schema":"public","table":"test","filter":"wrong","id":"$id"}`,
		"Error parsing `filter` params: [\"wrong\"]")
}

func row215(t *testing.T, h *house) {
	told(t, h, `{"schema":"public","table":"test","select":"a"}`, `{"schema":"public","table":"test","select":"a","id":"$id"}`,
		"Error parsing `select` params: expected a list of column name strings, e.g. select: [\"col1\", \"col2\"]")
	told(t, h, `{"schema":"public","table":"*","select":["a"]}`, `{"schema":"public","table":"*","select":["a"],"id":"$id"}`,
		"Column selection is not supported for wildcard subscriptions. Provide an explicit schema and table name.")
}

func row216(t *testing.T, h *house) {
	told(t, h, `{"event":"*","schema":"app","table":"hidden"}`, `{"event":"*","schema":"app","table":"hidden","id":"$id"}`,
		"Unable to subscribe to changes with given parameters. Please check Realtime is enabled for the given connect parameters: "+
			"[event: *, schema: app, table: hidden, filters: [], select: nil]",
		`Warning: "app"."hidden" is not in publication "supabase_realtime": alter publication "supabase_realtime" add table "app"."hidden";`)
}

func row217(t *testing.T, h *house) {
	told(t, h, `{"event":"*","schema":"public","table":"test","filter":"notacolumn=eq.123"}`,
		`{"event":"*","schema":"public","table":"test","filter":"notacolumn=eq.123","id":"$id"}`,
		"Unable to subscribe to changes with given parameters. An exception happened so please check your connect parameters: "+
			`[event: *, schema: public, table: test, filters: [{"notacolumn", "eq", "123", false}], select: nil]. `+
			"Exception: ERROR P0001 (raise_exception) invalid column for filter notacolumn")
}

func row223(t *testing.T, h *house) {
	s := h.dial(t, h.changes)
	s.send(joinOf("1", "realtime:app:people:id=eq.1", `{}`))
	s.want(changesReply("realtime:app:people:id=eq.1", `{"schema":"app","table":"people","filter":"id=eq.1","id":"$id"}`),
		subscribed("app:people:id=eq.1"))
}

func row225(t *testing.T, h *house) {
	s := h.dial(t, h.changes)
	s.watchAll("realtime:r225", `{"event":"*","id":5,"schema":"public","table":"test","colour":{"a":[1]}}`,
		`{"event":"*","id":"$id","schema":"public","table":"test","colour":{"a":[1]}}`)
}
