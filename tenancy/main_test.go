package tenancy

import (
	"io"
	"log/slog"
	"testing"

	"realtime/postgres"
	"realtime/postgres/pgtest"
	"realtime/tests/leaks"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// Keys of the published test vectors.
const (
	ecbKey = "1234567890123456"
	gcmKey = "12345678901234567890123456789012"
	secret = "super-secret-jwt-token-with-at-least-32-characters-long"
)

func newCipher(t testing.TB, ecb, gcm string, writeGCM bool) *Cipher {
	t.Helper()
	c, err := NewCipher(ecb, gcm, writeGCM)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// openStore opens a store on a database, ECB writing unless o has a cipher.
func openStore(t testing.TB, s postgres.Settings, o StoreOptions) *Store {
	t.Helper()
	leaks.Tell(secret, ecbKey, gcmKey, s.Password.Reveal())
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(leaks.Watch(t, io.Discard), nil))
	}
	if o.Cipher == nil {
		o.Cipher = newCipher(t, ecbKey, "", false)
	}
	store, err := OpenStore(t.Context(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	return store
}

// tenantJSON is a valid write with nothing but what is required.
func tenantJSON(name string) string {
	return `{"external_id":"` + name + `","name":"` + name + `","jwt_secret":"` + secret + `","extensions":[{"type":"postgres_cdc_rls","settings":` +
		`{"db_host":"127.0.0.1","db_port":"5433","db_name":"postgres","db_user":"supabase_admin","db_password":"pw","region":"us-east-1"}}]}`
}

// addTenant writes a tenant from the body of a request.
func addTenant(t testing.TB, store *Store, body string) *Tenant {
	t.Helper()
	c, err := ParseChange([]byte(body), ChangeOptions{Defaults: store.Defaults()})
	if err != nil {
		t.Fatal(err)
	}
	tenant, _, err := store.Upsert(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return tenant
}
