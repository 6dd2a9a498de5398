package tenants

import (
	"encoding/json"
	"maps"
	"strconv"
	"testing"

	"realtime/postgres"
	"realtime/tenancy"
	"realtime/tests/leaks"
)

// Open opens the store, with the tables it keeps tenants in and a key for their settings.
func Open(t testing.TB, db postgres.Settings, o tenancy.StoreOptions) *tenancy.Store {
	t.Helper()
	leaks.Tell(db.Password.Reveal())
	var err error
	if o.Cipher, err = tenancy.NewCipher("1234567890123456", "", false); err != nil {
		t.Fatal(err)
	}
	store, err := tenancy.OpenStore(t.Context(), db, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	return store
}

// Row is a tenant to be.
type Row struct {
	ID       string // its name as well
	Secret   string // of its tokens
	Database postgres.Settings
	Settings map[string]any // further ones of its database
	Columns  string         // further ones, as JSON members with a comma in front
}

// Add writes a tenant that was not there.
func Add(t testing.TB, store *tenancy.Store, r Row) *tenancy.Tenant {
	t.Helper()
	leaks.Tell(r.Secret)
	db := r.Database
	settings := map[string]any{
		"db_host": db.Host, "db_port": strconv.Itoa(db.Port), "db_name": db.Database, "db_user": db.User,
		"db_password": db.Password.Reveal(), "region": "here", "ssl_enforced": false,
	}
	maps.Copy(settings, r.Settings)
	text, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, store, nil, `{"external_id":"`+r.ID+`","name":"`+r.ID+`","jwt_secret":"`+r.Secret+
		`","extensions":[{"type":"postgres_cdc_rls","settings":`+string(text)+`}]`+r.Columns+`}`)
}

// Change writes columns of a tenant, given as JSON members.
func Change(t testing.TB, store *tenancy.Store, id, columns string) *tenancy.Tenant {
	t.Helper()
	current, err := store.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, store, current, "{"+columns+"}")
}

func write(t testing.TB, store *tenancy.Store, current *tenancy.Tenant, body string) *tenancy.Tenant {
	t.Helper()
	c, err := tenancy.ParseChange([]byte(body), tenancy.ChangeOptions{Current: current})
	if err != nil {
		t.Fatal(err)
	}
	row, _, err := store.Upsert(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return row
}
