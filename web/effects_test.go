package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"realtime/actors"
	"realtime/postgres/pgtest"
	"realtime/tests/frames"
)

// guest opens a socket of version 2 to a tenant and joins room.
func (h *house) guest(t testing.TB, tenant string) *raw {
	t.Helper()
	c, r, body := h.upgrade(t, target("vsn=2.0.0&apikey="+token(t)), tenant+".example.com")
	if r.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("handshake: %d %s", r.StatusCode, body)
	}
	c.frame(t, frames.Text, `["1","1","realtime:room","phx_join",{"config":{}}]`)
	c.want(t, `["1","1","realtime:room","phx_reply",{"status":"ok","response":{"postgres_changes":[]}}]`)
	return c
}

// wantDismissed wants the farewell of an administrator.
func (c *raw) wantDismissed(t testing.TB) {
	t.Helper()
	c.want(t, `[null,null,"realtime:room","system",{"channel":"room","extension":"system","message":"Server requested disconnect","status":"ok"}]`)
	c.wantClose(t, 1012)
}

// TestWhatUpdatesDoToOpenSockets goes through upstream's table of side effects.
func TestWhatUpdatesDoToOpenSockets(t *testing.T) {
	h := open(t, nil)
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		stays              bool
		after              int // status of the next handshake
	}{
		"suspend":        {"PUT", "", `{"tenant":{"suspend":true}}`, 200, false, 403},
		"private_only":   {"PUT", "", `{"tenant":{"private_only":true}}`, 200, false, 101},
		"jwt_secret":     {"PUT", "", `{"tenant":{"jwt_secret":"another-secret-that-is-long-enough"}}`, 200, false, 401},
		"jwt_jwks":       {"PUT", "", `{"tenant":{"jwt_jwks":{"keys":[]}}}`, 200, false, 101},
		"reload":         {"POST", "/reload", "", 204, false, 101},
		"delete":         {"DELETE", "", "", 204, false, 404},
		"same secret":    {"PUT", "", `{"tenant":{"jwt_secret":"` + secret + `"}}`, 200, true, 101},
		"name":           {"PUT", "", `{"tenant":{"name":"other"}}`, 200, true, 101},
		"a limit":        {"PUT", "", `{"tenant":{"max_joins_per_second":1000}}`, 200, true, 101},
		"extensions":     {"PUT", "", `{"tenant":{"extensions":[` + h.extension(`,"poll_max_changes":7`) + `]}}`, 200, true, 101},
		"shutdown":       {"POST", "/shutdown", "", 204, true, 101},
		"nothing at all": {"PUT", "", `{"tenant":{}}`, 200, true, 101},
	} {
		t.Run(name, func(t *testing.T) {
			id := strings.ReplaceAll(name, " ", "-")
			id = strings.ReplaceAll(id, "_", "-")
			h.add(t, h.db, id, "")
			c1 := h.guest(t, id)
			h.manage(t, c.method, "/api/tenants/"+id+c.path, c.body, c.status)
			if c.stays {
				c1.alive(t)
			} else {
				c1.wantDismissed(t)
			}
			_, r, body := h.upgrade(t, target("apikey="+token(t)), id+".example.com")
			if r.StatusCode != c.after {
				t.Errorf("the next handshake: %d %s, want %d", r.StatusCode, body, c.after)
			}
		})
	}
}

// TestUsersLimitCountsAtOnce: an update is in force for the next connection.
func TestUsersLimitCountsAtOnce(t *testing.T) {
	h := open(t, nil)
	h.guest(t, "abc")
	h.manage(t, "PUT", "/api/tenants/abc", `{"tenant":{"max_concurrent_users":1}}`, 200)
	if _, r, body := h.upgrade(t, target("apikey="+token(t)), "abc.example.com"); r.StatusCode != 429 {
		t.Errorf("%d %s, want 429", r.StatusCode, body)
	}
	h.manage(t, "PUT", "/api/tenants/abc", `{"tenant":{"max_concurrent_users":2}}`, 200)
	h.guest(t, "abc")
}

// TestOtherTenantsNoticeNothing: what is done to one tenant is done to it alone.
func TestOtherTenantsNoticeNothing(t *testing.T) {
	h := open(t, nil)
	other := h.guest(t, "127")
	gone := h.guest(t, "abc")
	h.manage(t, "DELETE", "/api/tenants/abc", "", 204)
	gone.wantDismissed(t)
	other.alive(t)
}

// watch joins a topic with postgres_changes on table t and waits until they flow.
func (h *house) watch(t *testing.T, tenant string) *raw {
	t.Helper()
	c, _, _ := h.upgrade(t, target("vsn=2.0.0&apikey="+token(t)), tenant+".example.com")
	c.frame(t, frames.Text, `["1","1","realtime:w","phx_join",{"config":{"postgres_changes":[{"event":"INSERT","schema":"public","table":"t"}]}}]`)
	c.until(t, "Subscribed to PostgreSQL")
	return c
}

// until reads frames until one contains text.
func (c *raw) until(t testing.TB, text string) {
	t.Helper()
	for {
		_, payload, err := c.Next()
		if err != nil {
			t.Fatalf("waiting for %q: %v", text, err)
		}
		if strings.Contains(string(payload), text) {
			return
		}
	}
}

// slots counts the house's replication slots.
func (h *house) slots(t *testing.T) (n int) {
	t.Helper()
	err := pgtest.Conn(t, h.db).QueryRow(t.Context(),
		"select count(*) from pg_replication_slots where database = current_database()").Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestChangesComeBackAfterAShutdown: the sockets of a tenant stay, and its changes flow again by themselves. After the deletion
// no slot is left, a kept one neither.
func TestChangesComeBackAfterAShutdown(t *testing.T) {
	h := open(t, func(_ *Options, o *actors.Options) { o.DurableSlot = true })
	pgtest.Exec(t, h.db, "create table t (id int primary key)", "grant select on t to anon", "alter publication supabase_realtime add table t")
	c := h.watch(t, "abc")
	health := func() map[string]any {
		_, body := h.manage(t, "GET", "/api/tenants/abc/health", "", 200)
		return show(t, body)
	}
	if got := health(); got["healthy"] != true || got["db_connected"] != true || got["replication_connected"] != true || got["connected_cluster"] != 1.0 {
		t.Errorf("health %v", got)
	}
	for id, how := range []struct{ method, path, body string }{
		{"POST", "/shutdown", ""},
		{"PUT", "", `{"tenant":{"extensions":[` + h.extension(`,"slot_name":"another_slot"`) + `]}}`},
	} {
		r, body := h.do(t, how.method, "/api/tenants/abc"+how.path, how.body, "Authorization", "Bearer "+operator(t), "Content-Type", "application/json")
		if r.StatusCode/100 != 2 {
			t.Fatalf("%v: %d %s", how, r.StatusCode, body)
		}
		h.until(t, "streaming again", func() bool { return health()["replication_connected"] == true })
		deadline := time.Now().Add(patient)
		for row := 0; ; row++ { // until one commits after the new subscription
			pgtest.Exec(t, h.db, "insert into t select coalesce(max(id), 0) + 1 from t")
			_ = c.SetReadDeadline(time.Now().Add(time.Second))
			if _, payload, err := c.Next(); err == nil && strings.Contains(string(payload), `"INSERT"`) {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("step %d: no change in %s", id, patient)
			}
		}
		_ = c.SetDeadline(time.Now().Add(patient))
	}
	if h.slots(t) == 0 {
		t.Error("no slot while changes flow: this test looks in the wrong place")
	}
	h.manage(t, "DELETE", "/api/tenants/abc", "", 204)
	c.wantClose(t, 1012)
	h.until(t, "without slots of the last settings", func() bool { return h.slots(t) <= 1 })
}

// TestHealthAsksTheDatabase: users that need no database do not make their tenant ill, but one that is away does.
func TestHealthAsksTheDatabase(t *testing.T) {
	h := open(t, nil)
	health := func(id string) map[string]any {
		_, body := h.manage(t, "GET", "/api/tenants/"+id+"/health", "", 200)
		return show(t, body)
	}
	if got := health("abc"); got["healthy"] != true || got["db_connected"] != false || got["connected_cluster"] != 0.0 {
		t.Errorf("nobody there: %v", got)
	}
	h.guest(t, "abc")
	if got := health("abc"); got["healthy"] != true || got["db_connected"] != true || got["replication_connected"] != false || got["connected_cluster"] != 1.0 {
		t.Errorf("one on a public channel: %v", got)
	}
	h.manage(t, "PUT", "/api/tenants/abc", `{"tenant":{"extensions":[`+strings.Replace(h.extension(""), h.db.Database, "gone", 1)+`]}}`, 200)
	if got := health("abc"); got["healthy"] != false || got["db_connected"] != false {
		t.Errorf("database away: %v", got)
	}
	if r, body := h.do(t, "HEAD", "/api/tenants/abc/health", "", "Authorization", "Bearer "+operator(t, "role", "anon")); r.StatusCode != 200 || body != "" {
		t.Errorf("HEAD with an anon key: %d %q", r.StatusCode, body)
	}
}
