package web

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"realtime/postgres/pgtest"
	"realtime/tests/frames"
)

// policies lets anon read every topic and write to those that begin with open; asking about broken raises.
func (h *house) policies(t *testing.T) {
	t.Helper()
	pgtest.Exec(t, h.db,
		"create function public.risky(topic text) returns boolean language plpgsql stable as $$ begin if topic = 'broken' then raise 'no'; end if; return topic like 'open%'; end $$",
		"create policy r on realtime.messages for select to anon using (true)",
		"create policy w on realtime.messages for insert to anon with check (public.risky(realtime.topic()))")
}

// TestPrivateBroadcasts: policies decide, and what they say is answered as upstream does.
func TestPrivateBroadcasts(t *testing.T) {
	h := open(t, nil)
	h.manage(t, "PUT", "/api/tenants/priv", `{"tenant":{"jwt_secret":"`+secret+`","extensions":[`+h.extension("")+`]}}`, 201)
	h.policies(t)
	c, _, _ := h.upgrade(t, target("vsn=2.0.0&apikey="+token(t)), "priv.example.com")
	c.frame(t, frames.Text, `["1","1","realtime:open","phx_join",{"config":{"private":true}}]`)
	c.want(t, `["1","1","realtime:open","phx_reply",{"status":"ok","response":{"postgres_changes":[]}}]`)

	post := func(path, body string, more ...string) (*http.Response, string) {
		return h.do(t, "POST", path, body, append([]string{"Host", "priv.example.com", "Authorization", "Bearer " + token(t), "Content-Type", "application/json"}, more...)...)
	}
	for name, s := range map[string]struct {
		topic  string
		status int
		answer string
	}{
		"allowed": {"open", 202, ""},
		"denied":  {"shut", 403, `{"message":"Unauthorized"}`},
		"raises":  {"broken", 422, `{"message":"RLS policy error"}`},
	} {
		if r, body := post("/api/broadcast/"+s.topic+"/events/e?private=true", `{"a":1}`); r.StatusCode != s.status || body != s.answer {
			t.Errorf("%s: %d %s, want %d %s", name, r.StatusCode, body, s.status, s.answer)
		}
	}
	c.wantUser(t, "realtime:open", "e", `{"a":1}`, 1)
	if r, body := h.do(t, "POST", "/api/broadcast/open/events/e?private=true", `{}`, "Host", "priv.example.com", "Content-Type", "application/json",
		"Authorization", "Bearer "+token(t, "role", "no_such_role")); r.StatusCode != 422 || body != `{"message":"RLS policy error"}` {
		t.Errorf("unknown role: %d %s", r.StatusCode, body)
	}

	r, body := post("/api/broadcast", `{"messages":[
		{"topic":"shut","event":"e","payload":{},"private":true},{"topic":"open","event":"first","payload":{},"private":true},
		{"topic":"broken","event":"e","payload":{},"private":true},{"topic":"open","event":"public","payload":{}},
		{"topic":"open","event":"second","payload":{},"private":true}]}`)
	if r.StatusCode != 202 || body != "" || r.Header.Get("X-Broadcast-Skipped") != "2" {
		t.Errorf("batch: %d %s, %s skipped", r.StatusCode, body, r.Header.Get("X-Broadcast-Skipped"))
	}
	for _, event := range []string{"first", "second"} {
		c.want(t, `[null,null,"realtime:open","broadcast",{"type":"broadcast","event":"`+event+`","payload":{}}]`)
	}

	storedInOrder(t, h, post)

	nowhere := strings.Replace(h.extension(""), h.db.Database, "no_such_database", 1)
	h.manage(t, "PUT", "/api/tenants/priv", `{"tenant":{"extensions":[`+nowhere+`]}}`, 200)
	if r, body := post("/api/broadcast/open-too/events/e?private=true", `{}`); r.StatusCode != 422 || body != `{"message":"Tenant database unavailable"}` {
		t.Errorf("database away: %d %s", r.StatusCode, body)
	}
}

// storedInOrder: what waits to be stored, because the table is locked, is stored in the order in which it was posted.
func storedInOrder(t *testing.T, h *house, post func(path, body string, more ...string) (*http.Response, string)) {
	t.Helper()
	keep := func(n int, query string) {
		if r, body := post("/api/broadcast/open/events/kept?private=true&"+query, fmt.Sprintf(`{"n":%d}`, n)); r.StatusCode != 202 || body != "" {
			t.Errorf("%s: %d %s", query, r.StatusCode, body)
		}
	}
	stored := func() (list []string) {
		rows, _ := pgtest.Conn(t, h.db).Query(t.Context(), "select payload->>'n' from realtime.messages where topic = 'open' and event = 'kept' and skip_broadcast order by inserted_at, ctid")
		list, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	keep(0, "persist=true")
	h.until(t, "stored", func() bool { return len(stored()) == 1 })
	slow, err := pgtest.Conn(t, h.db).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := slow.Exec(t.Context(), "lock table realtime.messages in share mode"); err != nil { // nothing can be stored now
		t.Fatal(err)
	}
	want := []string{"0"}
	for n := 1; n <= 20; n++ {
		keep(n, []string{"persist=true", "persist[ttl]=60"}[n%2])
		want = append(want, strconv.Itoa(n))
	}
	if err := slow.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.until(t, "stored all", func() bool { return len(stored()) == len(want) })
	if got := stored(); !slices.Equal(got, want) {
		t.Errorf("stored in the order %v", got)
	}
}
