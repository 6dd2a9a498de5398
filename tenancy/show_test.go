package tenancy

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"realtime/postgres/pgtest"
	"realtime/tests/leaks"
)

func TestTenantAsTheAPIShowsIt(t *testing.T) {
	s := pgtest.DB(t)
	store := openStore(t, s, StoreOptions{})
	addTenant(t, store, tenantJSON("acme"))
	pgtest.Exec(t, s, "update _realtime.tenants set inserted_at = '2023-01-01 00:00:00', client_presence_window_ms = 500, name = null",
		"update _realtime.extensions set inserted_at = '2023-01-01 00:00:00', updated_at = '2023-01-02 03:04:05'")
	tenant, err := store.Get(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(tenant)
	if err != nil {
		t.Fatal(err)
	}
	var got any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	enc := newCipher(t, ecbKey, "", false).Encrypt
	want := map[string]any{
		"id": tenant.ID, "external_id": "acme", "name": nil,
		"max_concurrent_users": 200.0, "max_channels_per_client": 100.0, "max_events_per_second": 100.0, "max_joins_per_second": 100.0,
		"inserted_at": "2023-01-01T00:00:00",
		"extensions": []any{map[string]any{
			"type": "postgres_cdc_rls", "inserted_at": "2023-01-01T00:00:00", "updated_at": "2023-01-02T03:04:05",
			"settings": map[string]any{
				"db_host": enc("127.0.0.1"), "db_name": enc("postgres"), "db_port": enc("5433"), "db_user": enc("supabase_admin"),
				"region": "us-east-1", "poll_interval_ms": 100.0, "poll_max_changes": 100.0, "poll_max_record_bytes": 1048576.0,
				"publication": "supabase_realtime", "slot_name": "supabase_realtime_replication_slot",
			},
		}},
		"private_only": false, "max_client_presence_events_per_window": nil, "client_presence_window_ms": 500.0, "presence_enabled": false,
	}
	if diff := cmp.Diff(got, any(want)); diff != "" {
		t.Errorf("shown (-got +want):\n%s", diff)
	}
	if _, ok := tenant.Extensions[0].Settings["db_password"]; !ok {
		t.Error("showing the tenant took its password away")
	}
}

// Nothing that prints a tenant by accident prints a secret.
func TestTenantPrintsItsNameOnly(t *testing.T) {
	tenant := tenantWith(t, secret, nil, "")
	var log strings.Builder
	slog.New(slog.NewTextHandler(leaks.Watch(t, &log), nil)).Info("x", "tenant", tenant)
	for _, text := range []string{fmt.Sprint(tenant), fmt.Sprintf("%v %+v %s", tenant, tenant, tenant), log.String()} {
		if strings.Contains(text, secret) || strings.Contains(text, tenant.secret) || !strings.Contains(text, "acme") {
			t.Errorf("printed %s", text)
		}
	}
}

func TestStampIsUTC(t *testing.T) {
	at := time.Date(2026, 8, 1, 1, 2, 3, 999, time.FixedZone("east", 3600))
	if got := stamp(at); got != "2026-08-01T00:02:03" {
		t.Errorf("got %s", got)
	}
}
