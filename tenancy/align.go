package tenancy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// align writes what the environment says otherwise than the stored row, in place and in one transaction.
func (s *Store) align(ctx context.Context, t *Tenant, o SeedOptions) (*Tenant, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	var report []SeedChange
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		current, err := s.lock(ctx, tx, t.ExternalID)
		if err != nil {
			return err
		}
		if current == nil {
			return errors.New("the row is gone")
		}
		c, changes := o.difference(current)
		if len(c.columns) > 0 {
			if err := s.update(ctx, tx, c, current); err != nil {
				return err
			}
		}
		more, err := s.alignDatabase(ctx, tx, current, o)
		if err != nil {
			return err
		}
		report = append(changes, more...)
		list, err := s.read(ctx, tx, s.q.get, t.ExternalID)
		if err != nil {
			return err
		}
		t = list[0] // locked above, so still there
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, ch := range report {
		o.Report(ch)
	}
	return t, nil
}

// difference is what the environment says otherwise than the row's own columns.
func (o *SeedOptions) difference(t *Tenant) (*Change, []SeedChange) {
	c := &Change{externalID: t.ExternalID, columns: map[string]any{}}
	var report []SeedChange
	if o.JWTSecret != "" && (t.keys.secretErr != nil || string(t.keys.secret) != o.JWTSecret) {
		c.columns["jwt_secret"] = o.JWTSecret
		detail := fmt.Sprintf("fingerprint was %s, is %s", cmp.Or(t.Fingerprint(), "none"), Fingerprint(o.JWTSecret))
		if t.keys.secretErr != nil {
			detail = fmt.Sprintf("fingerprint is %s; the stored secret could not be read: %v", Fingerprint(o.JWTSecret), t.keys.secretErr)
		}
		report = append(report, SeedChange{"jwt_secret", SeedUpdated, detail})
	}
	if o.JWKS != nil && !sameJSON(o.JWKS, t.JWKS) {
		c.columns["jwt_jwks"] = o.JWKS
		report = append(report, SeedChange{"jwt_jwks", SeedUpdated, "the stored key set was another"})
	}
	stored := map[string]int{
		"max_concurrent_users": t.Limits.ConcurrentUsers, "max_events_per_second": t.Limits.EventsPerSecond,
		"max_bytes_per_second": t.Limits.BytesPerSecond, "max_channels_per_client": t.Limits.ChannelsPerClient,
		"max_joins_per_second": t.Limits.JoinsPerSecond,
	}
	limits := o.limits()
	for _, name := range slices.Sorted(maps.Keys(limits)) {
		if was, is := stored[name], limits[name]; was != is {
			c.columns[name] = is
			report = append(report, SeedChange{name, SeedUpdated, fmt.Sprintf("was %d, is %d", was, is)})
		}
	}
	return c, report
}

// alignDatabase does the same for the settings of the tenant's database. An empty Host dictates nothing.
func (s *Store) alignDatabase(ctx context.Context, tx pgx.Tx, t *Tenant, o SeedOptions) ([]SeedChange, error) {
	if o.Database.Host == "" {
		return nil, nil
	}
	for _, e := range t.Extensions {
		if e.Type == cdcType {
			return s.alignSettings(ctx, tx, e, o)
		}
	}
	settings, err := s.seal(o.newSettings())
	if err != nil {
		return nil, err
	}
	_, err = tx.Exec(ctx, "insert into "+s.q.extensions+` (id, type, settings, tenant_external_id, inserted_at, updated_at)
		values ($1, $2, $3, $4, now() at time zone 'utc', now() at time zone 'utc')`,
		uuid.NewString(), cdcType, settings, t.ExternalID)
	if err != nil {
		return nil, fmt.Errorf("insert extension: %w", err)
	}
	return []SeedChange{{"extensions", SeedCreated, "the tenant had no database"}}, nil
}

func (s *Store) alignSettings(ctx context.Context, tx pgx.Tx, e Extension, o SeedOptions) ([]SeedChange, error) {
	var report []SeedChange
	changed := map[string]any{}
	want := o.settings()
	for _, name := range encryptedSettings {
		stored, _ := e.Settings[name].(string)
		was, err := s.env.cipher.Decrypt(stored)
		if err == nil && was == want[name] {
			continue
		}
		changed[name] = want[name]
		detail := fmt.Sprintf("was %q, is %q", cut(was), want[name])
		switch {
		case name == "db_password" && err == nil:
			detail = "the stored password was another"
		case err != nil:
			detail = "the stored value could not be read"
		}
		report = append(report, SeedChange{"extensions." + name, SeedUpdated, detail})
	}
	stored, known := e.Settings["ssl_enforced"].(bool)
	switch enforced := stored || !known; {
	case o.SSLEnforced && !enforced:
		changed["ssl_enforced"] = true
		report = append(report, SeedChange{"extensions.ssl_enforced", SeedUpdated, "was false, is true"})
	case !o.SSLEnforced && enforced:
		report = append(report, SeedChange{"extensions.ssl_enforced", SeedKept, "true, although DB_SSL is not set: " +
			"if the database does not offer TLS, set ssl_enforced to false"})
	}
	if len(changed) == 0 {
		return report, nil
	}
	settings, err := s.seal(changed)
	if err != nil {
		return nil, err
	}
	if err := exactlyOne(ctx, tx, "update "+s.q.extensions+` set updated_at = now() at time zone 'utc',
		settings = case jsonb_typeof(settings) when 'object' then settings else '{}' end || $2::text::jsonb where id = $1::text::uuid`,
		e.ID, settings); err != nil {
		return nil, fmt.Errorf("update settings: %w", err)
	}
	return report, nil
}

// sameJSON compares two texts by value; no text is no value.
func sameJSON(a, b []byte) bool {
	var x, y any
	if decodeJSON(a, &x) != nil || decodeJSON(b, &y) != nil {
		return false
	}
	return equalJSON(x, y)
}
