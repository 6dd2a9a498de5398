package tenancy

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"realtime/postgres"
	"realtime/postgres/pgtest"
)

// seeded is a call of Seed: the tenant, and its report without details.
func seeded(t *testing.T, store *Store, o SeedOptions) (*Tenant, []string, string) {
	t.Helper()
	var did, details []string
	o.Report = func(c SeedChange) {
		did = append(did, c.Action+" "+c.Column)
		details = append(details, c.Detail)
	}
	tenant, err := Seed(t.Context(), store, o)
	if err != nil {
		t.Fatal(err)
	}
	return tenant, did, strings.Join(details, "\n")
}

func selfHost() SeedOptions {
	return SeedOptions{
		JWTSecret: secret,
		Database:  postgres.Settings{Host: "127.0.0.1", Port: 5432, User: "supabase_admin", Password: "pw1", Database: "postgres"},
	}
}

func TestSeedMakesTheTenant(t *testing.T) {
	s := pgtest.DB(t)
	store := openStore(t, s, StoreOptions{})
	tenant, did, _ := seeded(t, store, selfHost())
	if tenant.ExternalID != "realtime-dev" || tenant.Name != "realtime-dev" || tenant.Fingerprint() != Fingerprint(secret) {
		t.Errorf("got %+v", tenant)
	}
	if diff := cmp.Diff(tenant.Limits, GenerousLimits()); diff != "" {
		t.Errorf("limits (-got +want):\n%s", diff)
	}
	d, err := tenant.Database()
	if err != nil || d.Settings.Password.Reveal() != "pw1" || d.Settings.TLS.Mode != postgres.TLSDisable || d.Settings.Port != 5432 {
		t.Errorf("Database = %+v, %v", d, err)
	}
	if len(did) == 0 || did[0] != "created extensions" {
		t.Errorf("reported %v", did)
	}
	again, did, _ := seeded(t, store, selfHost())
	if len(did) != 0 || again.ID != tenant.ID || !again.UpdatedAt.Equal(tenant.UpdatedAt) {
		t.Errorf("the second time: %v", did)
	}
	if got := lines(t, s, "select name || enabled || rollout_percentage from _realtime.feature_flags"); cmp.Diff(got, []string{"gcm_encryption_backfilltrue100"}) != "" {
		t.Errorf("flags are %v", got)
	}
}

func TestSeedTakesNamedLimits(t *testing.T) {
	store := openStore(t, pgtest.DB(t), StoreOptions{})
	o := selfHost()
	o.Limits = LimitOverrides{JoinsPerSecond: new(0), ConcurrentUsers: new(5)}
	tenant, _, _ := seeded(t, store, o)
	want := GenerousLimits()
	want.JoinsPerSecond, want.ConcurrentUsers = 0, 5
	if diff := cmp.Diff(tenant.Limits, want); diff != "" {
		t.Errorf("limits (-got +want):\n%s", diff)
	}
}

func TestSeedKeepsWhatIsSetByHand(t *testing.T) {
	s := pgtest.DB(t)
	store := openStore(t, s, StoreOptions{})
	before, _, _ := seeded(t, store, selfHost())
	pgtest.Exec(t, s, `update _realtime.tenants set max_joins_per_second = 3, private_only = true, suspend = true, name = 'mine', feature_flags = '{"a":true}'`,
		`update _realtime.extensions set settings = settings || '{"publication":"mine","db_pool":9,"ssl_enforced":true,"region":"moon"}'`,
		"update _realtime.feature_flags set enabled = false")
	after, did, details := seeded(t, store, selfHost())
	if after.ID != before.ID || after.Limits.JoinsPerSecond != 3 || !after.PrivateOnly || !after.Suspend || after.Name != "mine" || !after.FeatureFlags["a"] {
		t.Errorf("got %+v", after)
	}
	d, err := after.Database()
	if err != nil || d.Publication != "mine" || d.PoolSize != 9 || d.Settings.TLS.Mode != postgres.TLSRequire {
		t.Errorf("Database = %+v, %v", d, err)
	}
	if diff := cmp.Diff(did, []string{"kept extensions.ssl_enforced", "kept suspend"}); diff != "" {
		t.Errorf("report (-got +want):\n%s", diff)
	}
	if !strings.Contains(details, "set ssl_enforced to false") {
		t.Errorf("details are %s", details)
	}
	if got := lines(t, s, "select enabled::text from _realtime.feature_flags"); got[0] != "false" {
		t.Error("the flag was enabled again")
	}
}

func TestSeedWritesWhatTheEnvironmentDictates(t *testing.T) {
	s := pgtest.DB(t)
	store := openStore(t, s, StoreOptions{})
	before, _, _ := seeded(t, store, selfHost())
	o := selfHost()
	o.JWTSecret, o.JWKS, o.SSLEnforced = "another-secret", json.RawMessage(`{"keys":[{"kty":"oct","kid":"a","k":"AAAA"}]}`), true
	o.Database.Host, o.Database.Port, o.Database.Password = "db.internal", 0, "pw2"
	o.Database.Port = 6000
	o.Limits.EventsPerSecond = new(77)
	after, did, details := seeded(t, store, o)
	want := []string{
		"updated jwt_secret", "updated jwt_jwks", "updated max_events_per_second",
		"updated extensions.db_host", "updated extensions.db_port", "updated extensions.db_password", "updated extensions.ssl_enforced",
	}
	if diff := cmp.Diff(did, want); diff != "" {
		t.Errorf("report (-got +want):\n%s", diff)
	}
	for _, told := range []string{
		"fingerprint was " + Fingerprint(secret) + ", is " + Fingerprint("another-secret"), `was "127.0.0.1", is "db.internal"`, "was 1000000, is 77",
	} {
		if !strings.Contains(details, told) {
			t.Errorf("%q is missing in the report:\n%s", told, details)
		}
	}
	for _, hidden := range []string{"pw1", "pw2", secret, "another-secret"} {
		if strings.Contains(details, hidden) {
			t.Errorf("the report shows %q", hidden)
		}
	}
	d, err := after.Database()
	if err != nil || d.Settings.Host != "db.internal" || d.Settings.Port != 6000 || d.Settings.Password != "pw2" || d.Settings.TLS.Mode != postgres.TLSRequire {
		t.Errorf("Database = %+v, %v", d, err)
	}
	if after.ID != before.ID || after.Extensions[0].ID != before.Extensions[0].ID || after.Limits.EventsPerSecond != 77 || after.Fingerprint() != Fingerprint("another-secret") {
		t.Errorf("got %+v", after)
	}
	o.JWTSecret, o.JWKS = "", json.RawMessage(` {"keys": [{"k":"AAAA","kid":"a","kty":"oct"}]} `)
	if _, did, _ := seeded(t, store, o); len(did) != 0 {
		t.Errorf("nothing new, but %v", did)
	}
}

// A row written under another DB_ENC_KEY is what makes tokens fail without a trace. The seed mends it and says so.
func TestSeedMendsWhatCannotBeRead(t *testing.T) {
	s := pgtest.DB(t)
	seeded(t, openStore(t, s, StoreOptions{Cipher: newCipher(t, "supabaserealtime", "", false)}), selfHost())
	store := openStore(t, s, StoreOptions{})
	if store.Check(t.Context()) == nil {
		t.Fatal("the row can be read with another key")
	}
	_, did, details := seeded(t, store, selfHost())
	if len(did) != 6 || !strings.Contains(details, "could not be read") {
		t.Errorf("reported %v:\n%s", did, details)
	}
	if err := store.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestSeedGivesADatabaseToATenantWithout(t *testing.T) {
	s := pgtest.DB(t)
	store := openStore(t, s, StoreOptions{})
	o := selfHost()
	o.Database = postgres.Settings{}
	if tenant, _, _ := seeded(t, store, o); len(tenant.Extensions) != 0 {
		t.Errorf("extensions are %v", tenant.Extensions)
	}
	tenant, did, _ := seeded(t, store, selfHost())
	if err := tenant.Check(); err != nil || cmp.Diff(did, []string{"created extensions"}) != "" {
		t.Errorf("reported %v, %v", did, err)
	}
	pgtest.Exec(t, s, "update _realtime.extensions set settings = '[]'")
	if tenant, _, _ = seeded(t, store, selfHost()); tenant.Check() != nil {
		t.Error("settings that are no object were not mended")
	}
}

func TestSeedTwiceAtOnce(t *testing.T) {
	s := pgtest.DB(t)
	store := openStore(t, s, StoreOptions{PoolSize: 8})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { // ends with its Seed
			if _, err := Seed(t.Context(), store, selfHost()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	list, err := store.List(t.Context())
	if err != nil || len(list) != 1 || len(list[0].Extensions) != 1 {
		t.Errorf("list is %v, %v", list, err)
	}
}

func TestSeedRefuses(t *testing.T) {
	store := openStore(t, pgtest.DB(t), StoreOptions{})
	for name, edit := range map[string]func(o *SeedOptions){
		"no keys":            func(o *SeedOptions) { o.JWTSecret = "" },
		"key set a list":     func(o *SeedOptions) { o.JWKS = json.RawMessage("[]") },
		"key set not JSON":   func(o *SeedOptions) { o.JWKS = json.RawMessage("{") },
		"name not text":      func(o *SeedOptions) { o.ExternalID = "a\x00" },
		"secret not UTF-8":   func(o *SeedOptions) { o.JWTSecret = "\xff" },
		"key set with a NUL": func(o *SeedOptions) { o.JWKS = json.RawMessage(`{"\u0000":1}`) },
	} {
		o := selfHost()
		edit(&o)
		if _, err := Seed(t.Context(), store, o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
