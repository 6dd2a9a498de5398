package tenancy

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"realtime/postgres"
	"realtime/postgres/pgtest"
)

func TestDatabaseOfATenant(t *testing.T) {
	s := pgtest.DB(t)
	store := openStore(t, s, StoreOptions{SlotSuffix: "blue_1"})
	addTenant(t, store, tenantJSON("acme"))
	want := Database{
		Settings: postgres.Settings{
			Host: "127.0.0.1", Port: 5433, User: "supabase_admin", Password: "pw", Database: "postgres",
			TLS: postgres.TLS{Mode: postgres.TLSRequire},
		},
		Publication: "supabase_realtime", Slot: "supabase_realtime_replication_slot_blue_1",
		MessagesSlot:   "supabase_realtime_messages_replication_slot_blue_1",
		MaxRecordBytes: 1048576, PoolSize: 1,
	}
	for _, c := range []struct {
		name, settings string
		want           func(d *Database)
	}{
		{"defaults", `{}`, func(*Database) {}},
		{"TLS off", `{"ssl_enforced":false}`, func(d *Database) { d.Settings.TLS.Mode = postgres.TLSDisable }},
		{"TLS on", `{"ssl_enforced":true}`, func(*Database) {}},
		{"TLS neither", `{"ssl_enforced":"false"}`, func(*Database) {}},
		{"numbers", `{"db_pool":7,"poll_max_record_bytes":2048}`, func(d *Database) { d.PoolSize, d.MaxRecordBytes = 7, 2048 }},
		{"odd numbers", `{"db_pool":0,"poll_max_record_bytes":"2048"}`, func(*Database) {}},
		{"odder numbers", `{"db_pool":1e99,"poll_max_record_bytes":-5}`, func(*Database) {}},
		{"names", `{"publication":"p","slot_name":"s"}`, func(d *Database) { d.Publication, d.Slot = "p", "s_blue_1" }},
		{"odd names", `{"publication":5,"slot_name":""}`, func(*Database) {}},
	} {
		pgtest.Exec(t, s, "update _realtime.extensions set settings = settings - '{ssl_enforced,db_pool,publication,slot_name,poll_max_record_bytes}'::text[] || '"+c.settings+"'")
		tenant, err := store.Get(t.Context(), "acme")
		if err != nil {
			t.Fatal(err)
		}
		got, err := tenant.Database()
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		w := want
		c.want(&w)
		if diff := cmp.Diff(got, w); diff != "" {
			t.Errorf("%s (-got +want):\n%s", c.name, diff)
		}
	}
}

func TestDatabaseSaysWhatIsWrong(t *testing.T) {
	c := newCipher(t, ecbKey, "", false)
	good := func() map[string]any {
		m := map[string]any{}
		for _, name := range encryptedSettings {
			m[name] = c.Encrypt("5432")
		}
		return m
	}
	for _, test := range []struct {
		name string
		edit func(m map[string]any)
		want string
	}{
		{"missing", func(m map[string]any) { delete(m, "db_user") }, "read db_user of tenant \"acme\": the setting is missing"},
		{"in clear", func(m map[string]any) { m["db_password"] = "hunter2" }, "read db_password of tenant \"acme\": decrypt with DB_ENC_KEY: the value is not ciphertext"},
		{"not a port", func(m map[string]any) { m["db_port"] = c.Encrypt("5432/tcp") }, "not a port number"},
		{"port zero", func(m map[string]any) { m["db_port"] = c.Encrypt("0") }, "not a port number"},
		{"port too high", func(m map[string]any) { m["db_port"] = c.Encrypt("65536") }, "not a port number"},
		{"slot too long", func(m map[string]any) { m["slot_name"] = strings.Repeat("s", 64) }, "read slot_name"},
	} {
		tenant := &Tenant{ExternalID: "acme", Extensions: []Extension{{Type: cdcType, Settings: good()}}}
		tenant.finish(&environment{cipher: c})
		if _, err := tenant.Database(); err != nil {
			t.Fatal(err)
		}
		test.edit(tenant.Extensions[0].Settings)
		_, err := tenant.Database()
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
	}
	tenant := &Tenant{ExternalID: "acme"}
	if _, err := tenant.Database(); err == nil || !strings.Contains(err.Error(), "no postgres_cdc_rls extension") {
		t.Errorf("without extension: %v", err)
	}
}

func TestCheckSlotSuffix(t *testing.T) {
	for _, s := range []string{"", "a", "blue_1", strings.Repeat("x", 19)} {
		if err := CheckSlotSuffix(s); err != nil {
			t.Errorf("CheckSlotSuffix(%q): %v", s, err)
		}
		if n := len(messagesSlot + s); n > 63 {
			t.Errorf("the slot for %q has %d bytes", s, n)
		}
	}
	for _, s := range []string{"A", "a-b", "ä", " ", "a\n", strings.Repeat("x", 20)} {
		if err := CheckSlotSuffix(s); err == nil {
			t.Errorf("CheckSlotSuffix(%q) passes", s)
		}
	}
}

func TestPayloadLimit(t *testing.T) {
	if got := DefaultLimits().PayloadBytes(); got != 3_000_500 {
		t.Errorf("got %d, want 3000500", got)
	}
	n := 0
	got := LimitOverrides{JoinsPerSecond: &n, BytesPerSecond: new(8), ConcurrentUsers: new(1), EventsPerSecond: new(2), ChannelsPerClient: new(3)}.Apply(DefaultLimits())
	want := DefaultLimits()
	want.JoinsPerSecond, want.BytesPerSecond, want.ConcurrentUsers, want.EventsPerSecond, want.ChannelsPerClient = 0, 8, 1, 2, 3
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestFlushInterval(t *testing.T) {
	for text, want := range map[string]time.Duration{"5": 5 * time.Millisecond, "0": 0, "0.5": 500 * time.Microsecond, "60000": time.Second, "-1": -1, "1e400": -1, "": -1} {
		tenant := &Tenant{Extensions: []Extension{{Type: "other", Settings: map[string]any{"flush_interval_ms": json.Number("7")}}, {Type: cdcType, Settings: map[string]any{}}}}
		if text != "" {
			tenant.Extensions[1].Settings["flush_interval_ms"] = json.Number(text)
		}
		got, ok := tenant.FlushInterval()
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("%q: got %s, %v, want %s", text, got, ok, want)
		}
	}
}
