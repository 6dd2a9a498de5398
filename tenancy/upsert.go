package tenancy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"realtime/postgres"
)

// SQLSTATEs that mean a write broke a rule, not that the database is in trouble.
const (
	uniqueViolation  = "23505"
	checkViolation   = "23514"
	notNullViolation = "23502"
)

// Upsert writes c and returns the tenant as it is then; created says that there was none. The error is an Invalid if the row
// would break a rule of the schema, which can happen to a checked Change only when somebody else writes at the same time.
func (s *Store) Upsert(ctx context.Context, c *Change) (t *Tenant, created bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		current, err := s.lock(ctx, tx, c.externalID)
		if err != nil {
			return err
		}
		if created = current == nil; created {
			err = s.insert(ctx, tx, c)
		} else {
			err = s.update(ctx, tx, c, current)
		}
		if err != nil {
			return err
		}
		if c.replace {
			if err := s.replaceExtensions(ctx, tx, c); err != nil {
				return err
			}
		}
		list, err := s.read(ctx, tx, s.q.get, c.externalID)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return errors.New("the row is gone")
		}
		t = list[0]
		return nil
	})
	switch postgres.State(err) {
	case uniqueViolation:
		return nil, false, Invalid{"external_id": []string{taken}}
	case checkViolation, notNullViolation:
		return nil, false, Invalid{"jwt_secret": []string{needsKeys}}
	}
	if err != nil {
		return nil, false, fmt.Errorf("write tenant %q: %w", cut(c.externalID), err)
	}
	return t, created, nil
}

// lock reads the row and keeps others from writing it until the transaction ends. nil is no row.
func (s *Store) lock(ctx context.Context, tx pgx.Tx, externalID string) (*Tenant, error) {
	if _, err := tx.Exec(ctx, "select from "+s.q.tenants+" where external_id = $1 for update", externalID); err != nil {
		return nil, fmt.Errorf("lock row: %w", err)
	}
	list, err := s.read(ctx, tx, s.q.get, externalID)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return list[0], nil
}

// values are the columns to write, with secrets encrypted. A secret equal to the current one keeps its ciphertext: under GCM
// writing it anew would look like a rotation to everybody who compares rows.
func (s *Store) values(c *Change, current *Tenant) map[string]any {
	values := maps.Clone(c.columns)
	if secret, ok := values["jwt_secret"].(string); ok {
		if current != nil && current.keys.secretErr == nil && string(current.keys.secret) == secret && s.env.cipher.current(current.secret) {
			delete(values, "jwt_secret")
		} else {
			values["jwt_secret"] = s.env.cipher.Encrypt(secret)
		}
	}
	for name, v := range values {
		if raw, ok := v.(json.RawMessage); ok {
			values[name] = string(raw)
		}
	}
	return values
}

func (s *Store) insert(ctx context.Context, tx pgx.Tx, c *Change) error {
	values := s.values(c, nil)
	values["id"] = uuid.NewString()
	values["external_id"] = c.externalID
	names, args := slices.Sorted(maps.Keys(values)), []any{}
	marks := make([]string, 0, len(names))
	for _, name := range names {
		args = append(args, values[name])
		marks = append(marks, fmt.Sprintf("$%d", len(args)))
	}
	sql := fmt.Sprintf("insert into %s (%s, inserted_at, updated_at) values (%s, now() at time zone 'utc', now() at time zone 'utc')",
		s.q.tenants, strings.Join(names, ", "), strings.Join(marks, ", "))
	if _, err := tx.Exec(ctx, sql, args...); err != nil {
		return fmt.Errorf("insert row: %w", err)
	}
	return nil
}

func (s *Store) update(ctx context.Context, tx pgx.Tx, c *Change, current *Tenant) error {
	values := s.values(c, current)
	if len(values) == 0 && !c.replace {
		return nil
	}
	sets, args := []string{"updated_at = now() at time zone 'utc'"}, []any{c.externalID}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		args = append(args, values[name])
		sets = append(sets, fmt.Sprintf("%s = $%d", name, len(args)))
	}
	if !s.env.cipher.WritesGCM() { // what is written now is ECB again
		sets = append(sets, "gcm_migrated_at = null")
	}
	sql := fmt.Sprintf("update %s set %s where external_id = $1", s.q.tenants, strings.Join(sets, ", "))
	if _, err := tx.Exec(ctx, sql, args...); err != nil {
		return fmt.Errorf("update row: %w", err)
	}
	return nil
}

// replaceExtensions puts the change's extensions in the place of all that are stored, under new ids, as upstream does.
func (s *Store) replaceExtensions(ctx context.Context, tx pgx.Tx, c *Change) error {
	if _, err := tx.Exec(ctx, "delete from "+s.q.extensions+" where tenant_external_id = $1", c.externalID); err != nil {
		return fmt.Errorf("delete extensions: %w", err)
	}
	for _, e := range c.extensions {
		settings, err := s.seal(e.settings)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "insert into "+s.q.extensions+` (id, type, settings, tenant_external_id, inserted_at, updated_at)
			values ($1, $2, $3, $4, now() at time zone 'utc', now() at time zone 'utc')`,
			uuid.NewString(), e.kind, settings, c.externalID)
		if err != nil {
			return fmt.Errorf("insert extension: %w", err)
		}
	}
	return nil
}

// seal returns settings as JSON to store, those of encryptedSettings as ciphertext.
func (s *Store) seal(settings map[string]any) (string, error) {
	sealed := maps.Clone(settings)
	for _, name := range encryptedSettings {
		if plain, ok := sealed[name].(string); ok {
			sealed[name] = s.env.cipher.Encrypt(plain)
		}
	}
	b, err := json.Marshal(sealed)
	if err != nil {
		return "", fmt.Errorf("encode settings: %w", err)
	}
	return string(b), nil
}
