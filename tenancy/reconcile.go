package tenancy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/jackc/pgx/v5"

	"realtime/protocol/codes"
)

// backfillFlag is the feature flag that allows re-encryption.
const backfillFlag = "gcm_encryption_backfill"

// errRotated is a value that somebody else has changed meanwhile.
var errRotated = errors.New("the stored value is another one by now")

// reconcile takes a tenant's secrets over from ECB to GCM, where that is asked for and allowed and still to do. What it writes
// means the same as before, so nobody has to be told, and a failure is logged and tried again with the next read.
func (s *Store) reconcile(ctx context.Context, t *Tenant) {
	if !s.env.cipher.WritesGCM() || t.gcm || !t.holdsECB() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	allowed, err := s.Feature(ctx, backfillFlag, t)
	if err == nil && allowed {
		err = s.reencrypt(ctx, t)
	}
	if err != nil {
		s.log.WarnContext(ctx, "re-encryption failed", "tenant", t.ExternalID, "code", codes.EncryptionReconcileFailed, "err", err)
	}
}

// holdsECB reports whether any secret of the row is in the old format.
func (t *Tenant) holdsECB() bool {
	if t.secret != "" && !strings.HasPrefix(t.secret, gcmPrefix) {
		return true
	}
	for _, e := range t.Extensions {
		for _, name := range encryptedSettings {
			if v, ok := e.Settings[name].(string); ok && !strings.HasPrefix(v, gcmPrefix) {
				return true
			}
		}
	}
	return false
}

// reencrypt writes every secret anew, all or none. Each write compares with the ciphertext that was read, so that a rotation
// at the same time wins.
func (s *Store) reencrypt(ctx context.Context, t *Tenant) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if t.secret != "" && !strings.HasPrefix(t.secret, gcmPrefix) {
			plain, err := s.env.cipher.Decrypt(t.secret)
			if err != nil {
				return fmt.Errorf("read jwt_secret: %w", err)
			}
			if err := exactlyOne(ctx, tx, "update "+s.q.tenants+" set jwt_secret = $3 where id = $1::text::uuid and jwt_secret = $2",
				t.ID, t.secret, s.env.cipher.Encrypt(plain)); err != nil {
				return fmt.Errorf("write jwt_secret: %w", err)
			}
		}
		for _, e := range t.Extensions {
			if err := s.reencryptExtension(ctx, tx, e); err != nil {
				return err
			}
		}
		return exactlyOne(ctx, tx, "update "+s.q.tenants+" set gcm_migrated_at = now() at time zone 'utc' where id = $1::text::uuid", t.ID)
	})
	if err != nil {
		return fmt.Errorf("re-encrypt tenant %q: %w", t.ExternalID, err)
	}
	return nil
}

func (s *Store) reencryptExtension(ctx context.Context, tx pgx.Tx, e Extension) error {
	before, after := map[string]string{}, map[string]string{}
	for _, name := range encryptedSettings {
		v, ok := e.Settings[name].(string)
		if !ok || strings.HasPrefix(v, gcmPrefix) {
			continue
		}
		plain, err := s.env.cipher.Decrypt(v)
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		before[name], after[name] = v, s.env.cipher.Encrypt(plain)
	}
	if len(before) == 0 {
		return nil
	}
	was, errWas := json.Marshal(before)
	is, errIs := json.Marshal(after)
	if err := errors.Join(errWas, errIs); err != nil {
		return fmt.Errorf("encode settings: %w", err)
	}
	err := exactlyOne(ctx, tx, "update "+s.q.extensions+" set settings = settings || $3::text::jsonb where id = $1::text::uuid and settings @> $2::text::jsonb",
		e.ID, string(was), string(is))
	if err != nil {
		return fmt.Errorf("write settings: %w", err)
	}
	return nil
}

// exactlyOne runs a statement that must change one row.
func exactlyOne(ctx context.Context, tx pgx.Tx, sql string, args ...any) error {
	tag, err := tx.Exec(ctx, sql, args...)
	if err != nil {
		return fmt.Errorf("update: %w", err)
	}
	if tag.RowsAffected() != 1 {
		return errRotated
	}
	return nil
}

// Feature answers a feature flag for a tenant: false if nobody made the flag, else the tenant's own answer, else whether it is
// enabled and the tenant in the part of a hundred that it is rolled out to. For a part neither 0 nor 100 that choice is ours:
// stable, but not the one that upstream's hash makes.
func (s *Store) Feature(ctx context.Context, name string, t *Tenant) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	var enabled bool
	var percentage uint32
	var bucket string
	err := s.pool.QueryRow(ctx, "select enabled, rollout_percentage, coalesce(bucket_key, name) from "+s.q.flags+" where name = $1", name).
		Scan(&enabled, &percentage, &bucket)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read feature flag %q: %w", name, err)
	}
	if own, ok := t.FeatureFlags[name]; ok {
		return own, nil
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(t.ExternalID + "\x00" + bucket)) // a hash never fails to write
	return enabled && h.Sum32()%100 < percentage, nil
}
