package tenancy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"realtime/postgres"
	"realtime/protocol/codes"
)

// application is how upstream's connections to the management database call themselves.
const application = "supabase_mt_realtime"

// StoreOptions are the environment's say in all rows.
type StoreOptions struct {
	Cipher     *Cipher       // required
	Schema     string        // "" finds an existing one, or makes _realtime; see SearchPathSchema
	PoolSize   int           // connections; 0 is 5
	Timeout    time.Duration // of each call; 0 is 5 s. Migrations are bounded by their context alone
	Defaults   Limits        // for new rows and null columns; zero is DefaultLimits
	Validators Validators    // of every tenant's tokens
	SlotSuffix string        // SLOT_NAME_SUFFIX, see CheckSlotSuffix
	Known      []KnownSecret // other secrets of the environment, to name what was mixed up when a token does not verify
	Log        *slog.Logger  // migrations, and re-encryption in the background of a read; nil discards
}

// Store keeps the tenants' rows in the management schema. It is safe for concurrent use.
type Store struct {
	pool    *pgxpool.Pool
	schema  string
	timeout time.Duration
	env     *environment
	log     *slog.Logger
	q       statements
}

// OpenStore connects, brings the schema to its final shape and checks the options. Two servers may do so at once: they take
// turns. Close gives the connections back.
func OpenStore(ctx context.Context, s postgres.Settings, o StoreOptions) (*Store, error) {
	if o.Cipher == nil {
		return nil, errors.New("open store: no cipher")
	}
	if err := CheckSlotSuffix(o.SlotSuffix); err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.PoolSize == 0 {
		o.PoolSize = 5
	}
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	if o.Defaults == (Limits{}) {
		o.Defaults = DefaultLimits()
	}
	if s.ApplicationName == "" {
		s = s.WithApplication(application)
	}
	schema, err := migrate(ctx, s, o.Schema, o.Log)
	if err != nil {
		return nil, err
	}
	pool, err := postgres.OpenPool(ctx, s, o.PoolSize)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	env := &environment{cipher: o.Cipher, defaults: o.Defaults, validators: o.Validators, slotSuffix: o.SlotSuffix, known: o.Known}
	return &Store{pool: pool, schema: schema, timeout: o.Timeout, env: env, log: o.Log, q: newStatements(schema)}, nil
}

// Close waits for calls under way and gives the connections back. No call may follow.
func (s *Store) Close() { s.pool.Close() }

// Schema is the schema in use.
func (s *Store) Schema() string { return s.schema }

// Defaults are the limits of the environment, for ChangeOptions.
func (s *Store) Defaults() Limits { return s.env.defaults }

// statements are the texts for one schema. They name it, so that they mean the same behind a pooler that mixes sessions.
type statements struct {
	tenants, extensions, flags string // quoted table names
	get, list, names           string
}

func newStatements(schema string) statements {
	table := func(name string) string { return pgx.Identifier{schema, name}.Sanitize() }
	q := statements{tenants: table("tenants"), extensions: table("extensions"), flags: table("feature_flags")}
	row := "select " + tenantColumns + " from " + q.tenants + " t left join " + q.extensions + " e on e.tenant_external_id = t.external_id"
	q.get = row + " where t.external_id = $1 order by e.inserted_at, e.id"
	q.list = row + " where t.external_id is not null order by t.external_id, e.inserted_at, e.id"
	q.names = "select external_id from " + q.tenants + " where external_id is not null order by external_id limit $1"
	return q
}

// Get returns the tenant, or TenantNotFound. Any other error is the database's.
func (s *Store) Get(ctx context.Context, externalID string) (*Tenant, error) {
	if !storable(externalID) {
		return nil, notFound(externalID, nil)
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	list, err := s.read(ctx, s.pool, s.q.get, externalID)
	if err != nil {
		return nil, fmt.Errorf("read tenant %q: %w", cut(externalID), err)
	}
	if len(list) == 0 {
		return nil, notFound(externalID, nil)
	}
	return list[0], nil
}

// List returns all tenants by external_id.
func (s *Store) List(ctx context.Context) ([]*Tenant, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	list, err := s.read(ctx, s.pool, s.q.list)
	if err != nil {
		return nil, fmt.Errorf("list tenants: %w", err)
	}
	return list, nil
}

// Names returns the first most external_ids in order.
func (s *Store) Names(ctx context.Context, most int) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	rows, err := s.pool.Query(ctx, s.q.names, most)
	if err != nil {
		return nil, fmt.Errorf("list tenant names: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("list tenant names: %w", err)
	}
	return names, nil
}

// Delete removes the row and, through its foreign key, the extensions. A missing tenant is no error; existed tells.
func (s *Store) Delete(ctx context.Context, externalID string) (existed bool, err error) {
	if !storable(externalID) {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	tag, err := s.pool.Exec(ctx, "delete from "+s.q.tenants+" where external_id = $1", externalID)
	if err != nil {
		return false, fmt.Errorf("delete tenant %q: %w", cut(externalID), err)
	}
	return tag.RowsAffected() > 0, nil
}

// Check reads every tenant and says what of them cannot be used, by name: see Tenant.Check.
func (s *Store) Check(ctx context.Context) error {
	list, err := s.List(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, t := range list {
		errs = append(errs, t.Check())
	}
	return errors.Join(errs...)
}

// notFound is the fault of a tenant that is not there. The client's sentence is in the table of codes; this one is for logs.
func notFound(externalID string, cause error) *codes.Fault {
	return codes.Wrap(codes.TenantNotFound, cause, "Tenant not found: %s", cut(externalID))
}
