package tenancy

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"realtime/postgres/pgtest"
	"realtime/protocol/codes"
)

func TestStoreKeepsATenant(t *testing.T) {
	s := pgtest.DB(t)
	store := openStore(t, s, StoreOptions{})
	made := addTenant(t, store, tenantJSON("acme"))
	got, err := store.Get(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	if got.ID == "" || got.ID != made.ID || got.ExternalID != "acme" || got.Name != "acme" || got.Fingerprint() != Fingerprint(secret) {
		t.Errorf("got %+v", got)
	}
	want := DefaultLimits()
	if diff := cmp.Diff(got.Limits, want); diff != "" {
		t.Errorf("limits (-got +want):\n%s", diff)
	}
	if got.Suspend || got.PrivateOnly || got.PresenceEnabled || got.CDCDefault != cdcType || got.BroadcastAdapter != "gen_rpc" {
		t.Errorf("flags are %+v", got)
	}
	if err := got.Check(); err != nil {
		t.Error(err)
	}
	// What is stored is what upstream would have stored.
	row := lines(t, s, `select jwt_secret || ' ' || (settings ->> 'db_host') || ' ' || (settings ->> 'region') from _realtime.tenants, _realtime.extensions`)
	if parts := strings.Fields(row[0]); parts[0] != ecbVectors[1].stored || parts[1] == "127.0.0.1" || parts[2] != "us-east-1" {
		t.Errorf("stored is %s", row)
	}
}

func TestStoreUpdatesInPlace(t *testing.T) {
	s := pgtest.DB(t)
	store := openStore(t, s, StoreOptions{})
	before := addTenant(t, store, tenantJSON("acme"))
	write := func(body string) *Tenant {
		t.Helper()
		current, err := store.Get(t.Context(), "acme")
		if err != nil {
			t.Fatal(err)
		}
		c, err := ParseChange([]byte(body), ChangeOptions{Current: current})
		if err != nil {
			t.Fatal(err)
		}
		after, created, err := store.Upsert(t.Context(), c)
		if err != nil || created {
			t.Fatalf("created %v, %v", created, err)
		}
		return after
	}
	after := write(`{"max_events_per_second":7,"feature_flags":{"a":true,"b":5},"jwt_jwks":{"keys":[]},"max_client_presence_events_per_window":9,"client_presence_window_ms":1500}`)
	if after.ID != before.ID || after.Limits.EventsPerSecond != 7 || !after.FeatureFlags["a"] || string(after.JWKS) != `{"keys": []}` {
		t.Errorf("got %+v", after)
	}
	if after.Limits.PresencePerWindow != 9 || after.Limits.PresenceWindow.Milliseconds() != 1500 {
		t.Errorf("presence limits are %+v", after.Limits)
	}
	if after.Extensions[0].ID != before.Extensions[0].ID {
		t.Error("the extension was replaced, although nobody asked")
	}
	replaced := write(`{` + oneExtension + `}`)
	if len(replaced.Extensions) != 1 || replaced.Extensions[0].ID == before.Extensions[0].ID || replaced.Limits.EventsPerSecond != 7 {
		t.Errorf("got %+v", replaced)
	}
	if d, err := replaced.Database(); err != nil || d.Settings.Host != "h" {
		t.Errorf("Database = %+v, %v", d, err)
	}
	if got := write(`{"extensions":[]}`); len(got.Extensions) != 0 {
		t.Errorf("%d extensions are left", len(got.Extensions))
	}
}

func TestStoreTakesAnEqualSecretForNoChange(t *testing.T) {
	s := pgtest.DB(t)
	store := openStore(t, s, StoreOptions{Cipher: newCipher(t, ecbKey, gcmKey, true)})
	before := addTenant(t, store, tenantJSON("acme"))
	c, err := ParseChange([]byte(`{"jwt_secret":"`+secret+`"}`), ChangeOptions{Current: before})
	if err != nil {
		t.Fatal(err)
	}
	after, _, err := store.Upsert(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(after.secret, "g1:") || after.secret != before.secret {
		t.Error("an equal secret was encrypted anew")
	}
}

func TestStoreListsAndDeletes(t *testing.T) {
	store := openStore(t, pgtest.DB(t), StoreOptions{})
	for _, name := range []string{"b", "a", "c"} {
		addTenant(t, store, tenantJSON(name))
	}
	names, err := store.Names(t.Context(), 2)
	if diff := cmp.Diff(names, []string{"a", "b"}); err != nil || diff != "" {
		t.Errorf("names (-got +want):\n%s%v", diff, err)
	}
	for i, want := range []bool{true, false} {
		if existed, err := store.Delete(t.Context(), "b"); err != nil || existed != want {
			t.Errorf("delete %d: %v, %v", i, existed, err)
		}
	}
	list, err := store.List(t.Context())
	if err != nil || len(list) != 2 || list[0].ExternalID != "a" || list[1].ExternalID != "c" || len(list[1].Extensions) != 1 {
		t.Errorf("list is %v, %v", list, err)
	}
	if _, err := store.Get(t.Context(), "b"); codes.Of(err).Code != codes.TenantNotFound || codes.Of(err).Text != "Tenant not found: b" {
		t.Errorf("Get = %v", err)
	}
}

// Names come from strangers: what Postgres would not take as text is not looked up.
func TestStoreIsNotDisturbedByOddNames(t *testing.T) {
	store := openStore(t, pgtest.DB(t), StoreOptions{})
	for _, name := range []string{"", "\x00", "a\xff", "'; drop table tenants; --", strings.Repeat("x", 1<<20)} {
		_, err := store.Get(t.Context(), name)
		if f := codes.Of(err); f.Code != codes.TenantNotFound || len(f.Error()) > 300 {
			t.Errorf("Get(%.20q) = %.300v", name, err)
		}
		if existed, err := store.Delete(t.Context(), name); existed || err != nil {
			t.Errorf("Delete(%.20q) = %v, %v", name, existed, err)
		}
	}
}

func TestStoreWritesOnceWhenTwoWrite(t *testing.T) {
	store := openStore(t, pgtest.DB(t), StoreOptions{})
	c, err := ParseChange([]byte(tenantJSON("acme")), ChangeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	errs, made := make([]error, 8), make([]bool, 8)
	for i := range errs {
		wg.Go(func() { _, made[i], errs[i] = store.Upsert(t.Context(), c) }) // ends with its write
	}
	wg.Wait()
	created := 0
	for i, err := range errs {
		if _, refused := errors.AsType[Invalid](err); err != nil && !refused {
			t.Errorf("unexpected error: %v", err)
		}
		if err == nil && made[i] {
			created++
		}
	}
	if list, err := store.List(t.Context()); err != nil || len(list) != 1 || created != 1 || len(list[0].Extensions) != 1 {
		t.Errorf("created %d times, list is %v, %v", created, list, err)
	}
}

// A row edited by hand may break what the API would refuse; it must say so, by name, and disturb nobody else.
func TestStoreChecksHandEditedRows(t *testing.T) {
	s := pgtest.DB(t)
	store := openStore(t, s, StoreOptions{})
	for _, name := range []string{"fine", "plain", "host", "port", "nothing"} {
		addTenant(t, store, tenantJSON(name))
	}
	pgtest.Exec(t, s,
		"update _realtime.tenants set jwt_secret = 'typed-in-by-hand' where external_id = 'plain'",
		`update _realtime.extensions set settings = settings || '{"db_host":"localhost"}' where tenant_external_id = 'host'`,
		`update _realtime.extensions set settings = settings || '{"db_port":5432}' where tenant_external_id = 'port'`,
		`update _realtime.tenants set jwt_secret = null, jwt_jwks = 'null', name = null, suspend = null, feature_flags = '[]' where external_id = 'nothing'`,
		`update _realtime.extensions set settings = '[]', type = 'postgres' where tenant_external_id = 'nothing'`,
		`insert into _realtime.tenants (id, jwt_secret, inserted_at, updated_at) values (gen_random_uuid(), 'x', now(), now())`)
	err := store.Check(t.Context())
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`read jwt_secret of tenant "plain"`, `read db_host of tenant "host"`, `read db_port of tenant "port"`, `read keys of tenant "nothing"`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "fine") || strings.Contains(err.Error(), "typed-in-by-hand") {
		t.Errorf("too much is told: %v", err)
	}
	if _, err := store.Get(t.Context(), "fine"); err != nil {
		t.Error(err)
	}
}

func TestOpenStoreChecksOptions(t *testing.T) {
	s := pgtest.DB(t)
	c := newCipher(t, ecbKey, "", false)
	for _, o := range []StoreOptions{{}, {Cipher: c, SlotSuffix: "Upper"}, {Cipher: c, SlotSuffix: "a-b"}, {Cipher: c, SlotSuffix: strings.Repeat("x", 20)}} {
		if _, err := OpenStore(t.Context(), s, o); err == nil {
			t.Errorf("opened with %+v", o)
		}
	}
	s.Database = "nothing_of_that_name"
	if _, err := OpenStore(t.Context(), s, StoreOptions{Cipher: c}); err == nil {
		t.Error("opened a database that does not exist")
	}
}
