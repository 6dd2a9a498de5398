package tenancy

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// tenantColumns are read by name, so that a column of a newer upstream does not disturb. Every nullable column is given the
// value that upstream's own schema gives it, except where null has a meaning of its own.
const tenantColumns = `t.id::text, t.external_id, coalesce(t.name, ''), coalesce(t.jwt_secret, ''), t.jwt_jwks,
	t.max_concurrent_users, t.max_events_per_second, t.max_bytes_per_second, t.max_channels_per_client, t.max_joins_per_second,
	coalesce(t.max_presence_events_per_second, 1000), coalesce(t.max_payload_size_in_kb, 3000),
	t.max_client_presence_events_per_window, t.client_presence_window_ms,
	coalesce(t.suspend, false), t.private_only, t.presence_enabled,
	coalesce(t.postgres_cdc_default, 'postgres_cdc_rls'), coalesce(t.broadcast_adapter, 'gen_rpc'), coalesce(t.migrations_ran, 0),
	t.feature_flags, t.gcm_migrated_at is not null, t.inserted_at, t.updated_at,
	e.id::text, e.type, e.settings, e.inserted_at, e.updated_at`

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// read runs a statement over tenantColumns, ordered by tenant, and joins each tenant's rows into one.
func (s *Store) read(ctx context.Context, db querier, sql string, args ...any) ([]*Tenant, error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	defer rows.Close()
	var list []*Tenant
	for rows.Next() {
		t, e, err := scanRow(rows)
		if err != nil {
			return nil, err
		}
		if n := len(list); n > 0 && list[n-1].ID == t.ID {
			t = list[n-1]
		} else {
			t.finish(s.env)
			list = append(list, t)
		}
		if e != nil {
			t.Extensions = append(t.Extensions, *e)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	return list, nil
}

// scanRow reads one row: a tenant, and one of its extensions unless it has none.
func scanRow(rows pgx.Rows) (*Tenant, *Extension, error) {
	var (
		t                    Tenant
		flags, settings      []byte
		extID, extType       *string
		extInserted, updated *time.Time
	)
	l := &t.Limits
	err := rows.Scan(&t.ID, &t.ExternalID, &t.Name, &t.secret, (*[]byte)(&t.JWKS),
		&l.ConcurrentUsers, &l.EventsPerSecond, &l.BytesPerSecond, &l.ChannelsPerClient, &l.JoinsPerSecond,
		&l.PresenceEventsPerSecond, &l.PayloadKB,
		&t.ClientPresence.MaxEvents, &t.ClientPresence.WindowMS,
		&t.Suspend, &t.PrivateOnly, &t.PresenceEnabled,
		&t.CDCDefault, &t.BroadcastAdapter, &t.MigrationsRan,
		&flags, &t.gcm, &t.InsertedAt, &t.UpdatedAt,
		&extID, &extType, &settings, &extInserted, &updated)
	if err != nil {
		return nil, nil, fmt.Errorf("scan row: %w", err)
	}
	t.FeatureFlags = parseFlags(flags)
	if string(t.JWKS) == "null" { // a JSON null is no key set
		t.JWKS = nil
	}
	if extID == nil {
		return &t, nil, nil
	}
	e := &Extension{ID: *extID, InsertedAt: *extInserted, UpdatedAt: *updated}
	if extType != nil {
		if e.Type = *extType; e.Type == oldCDCType {
			e.Type = cdcType
		}
	}
	if settings != nil && decodeJSON(settings, &e.Settings) != nil {
		e.Settings = nil // an array or a bare value: as good as none
	}
	return &t, e, nil
}

// parseFlags keeps the answers that are booleans.
func parseFlags(raw []byte) map[string]bool {
	var values map[string]any
	if json.Unmarshal(raw, &values) != nil {
		return nil
	}
	flags := make(map[string]bool, len(values))
	for name, v := range values {
		if b, ok := v.(bool); ok {
			flags[name] = b
		}
	}
	return flags
}
