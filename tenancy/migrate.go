package tenancy

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"realtime/postgres"
)

// migrations holds one file per version of upstream's ledger, in our own words. Each may run on a schema that upstream has
// brought as far as the version before, and the last one settles whatever an intermediate shape left open.
//
//go:embed migrations/*.sql
var migrations embed.FS

const (
	defaultSchema = "_realtime"
	// firstVersion in a ledger shows that the schema is a management schema.
	firstVersion = 20210706140551
	// migrationLock is the advisory lock that two servers starting at once take turns with: "realtime" in ASCII.
	migrationLock = 0x7265616c74696d65
	// unlockTimeout bounds the good-bye to a connection whose context may be over.
	unlockTimeout = 5 * time.Second
)

// migrate brings the management schema to its final shape and returns its name. Versions that the ledger has are not run
// again, versions that only a newer upstream knows are left alone.
func migrate(ctx context.Context, s postgres.Settings, schema string, log *slog.Logger) (name string, err error) {
	conn, err := postgres.Connect(ctx, s)
	if err != nil {
		return "", fmt.Errorf("connect to migrate: %w", err)
	}
	defer func() { // the session's end is the lock's end
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockTimeout)
		defer cancel()
		err = errors.Join(err, conn.Close(ctx))
	}()
	if _, err := conn.Exec(ctx, "select pg_advisory_lock($1)", int64(migrationLock)); err != nil {
		return "", fmt.Errorf("wait for other migrations: %w", err)
	}
	if schema == "" {
		if schema, err = findSchema(ctx, conn); err != nil {
			return "", err
		}
	}
	if err := createSchema(ctx, conn, schema); err != nil {
		return "", err
	}
	return schema, runMigrations(ctx, conn.Config(), schema, log)
}

// findSchema is where a management schema already is: _realtime, or the default one of the connection, where upstream puts it
// if DB_AFTER_CONNECT_QUERY is unset. If there is none yet it will be _realtime.
func findSchema(ctx context.Context, conn *pgx.Conn) (string, error) {
	var current *string
	if err := conn.QueryRow(ctx, "select current_schema()").Scan(&current); err != nil {
		return "", fmt.Errorf("find schema: %w", err)
	}
	if current == nil || *current == defaultSchema {
		return defaultSchema, nil
	}
	for _, schema := range []string{defaultSchema, *current} {
		var tables int
		err := conn.QueryRow(ctx,
			`select count(*) from pg_tables where schemaname = $1 and tablename in ('tenants', 'extensions', 'schema_migrations')`,
			schema).Scan(&tables)
		if err != nil {
			return "", fmt.Errorf("find schema: %w", err)
		}
		if tables < 3 {
			continue
		}
		var ours bool
		err = conn.QueryRow(ctx, fmt.Sprintf("select exists (select from %s where version::text = $1)",
			pgx.Identifier{schema, ledgerTable}.Sanitize()), fmt.Sprint(firstVersion)).Scan(&ours)
		if err != nil {
			return "", fmt.Errorf("find schema: %w", err)
		}
		if ours {
			return schema, nil
		}
	}
	return defaultSchema, nil
}

// createSchema makes the schema unless it is there. It asks first, because CREATE SCHEMA IF NOT EXISTS wants the right to
// create one even when there is nothing to do.
func createSchema(ctx context.Context, conn *pgx.Conn, schema string) error {
	var found bool
	err := conn.QueryRow(ctx, "select exists (select from pg_namespace where nspname = $1)", schema).Scan(&found)
	if err != nil {
		return fmt.Errorf("look for schema %s: %w", schema, err)
	}
	if found {
		return nil
	}
	if _, err := conn.Exec(ctx, "create schema if not exists "+pgx.Identifier{schema}.Sanitize()); err != nil {
		return fmt.Errorf("create schema %s: %w", schema, err)
	}
	return nil
}

// runMigrations lets goose apply what is missing, each version in a transaction of its own together with its ledger row.
func runMigrations(ctx context.Context, config *pgx.ConnConfig, schema string, log *slog.Logger) (err error) {
	db := openSQL(config, schema)
	defer func() { err = errors.Join(err, db.Close()) }()
	provider, err := newProvider(db)
	if err != nil {
		return err
	}
	results, err := provider.Up(ctx)
	if err != nil {
		return fmt.Errorf("migrate schema %s: %w", schema, err)
	}
	if len(results) > 0 {
		log.InfoContext(ctx, "management schema migrated", "schema", schema, "applied", len(results))
	}
	return nil
}

// openSQL opens config as database/sql, which goose wants, with the schema in front of everything else.
func openSQL(config *pgx.ConnConfig, schema string) *sql.DB {
	path := "set search_path to " + pgx.Identifier{schema}.Sanitize()
	return stdlib.OpenDB(*config, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, path); err != nil {
			return fmt.Errorf("set search_path: %w", err)
		}
		return nil
	}))
}

// newProvider is goose over the embedded files and upstream's ledger. "Out of order" is what goose calls a version that is
// missing below the newest one; here that is any database whose newest version only upstream knows.
func newProvider(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("open migrations: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectCustom, db, files, goose.WithStore(ledger{}),
		goose.WithAllowOutofOrder(true), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return p, nil
}

// searchPath takes the first schema of a search_path: "quoted", 'literal' or plain.
var searchPath = regexp.MustCompile(`(?i)^set\s+(?:session\s+)?search_path\s*(?:\s+to\s|=)\s*` +
	`(?:"((?:[^"]|"")+)"|'([^',]+)'|([a-z_][a-z0-9_$]*))\s*(?:,[^;]*)?$`)

// SearchPathSchema is the schema that a DB_AFTER_CONNECT_QUERY such as "SET search_path TO _realtime" puts first, "" for an
// empty query. A query that does anything else is an error: rows are read from the schema by name, so it would have no effect.
func SearchPathSchema(query string) (string, error) {
	text := strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(query), ";"))
	if text == "" {
		return "", nil
	}
	m := searchPath.FindStringSubmatch(text)
	switch {
	case m == nil:
		return "", fmt.Errorf("check DB_AFTER_CONNECT_QUERY: want SET search_path TO <schema>, got %q", cut(query))
	case m[1] != "":
		return strings.ReplaceAll(m[1], `""`, `"`), nil
	case m[2] != "":
		return m[2], nil
	}
	return strings.ToLower(m[3]), nil
}
