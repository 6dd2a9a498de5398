package tenancy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"realtime/postgres"
)

// createLedger makes the ledger as upstream does.
const createLedger = "create table schema_migrations (version bigint primary key, inserted_at timestamp(0) without time zone)"

// recordMigration is what a version leaves in the ledger.
const recordMigration = "insert into schema_migrations (version, inserted_at) values (%s, now() at time zone 'utc')"

// Plan is what OpenStore would do to a management schema.
type Plan struct {
	Schema  string
	Pending int    // migrations that have not run
	SQL     string // a script for psql with the same result; "" if nothing is pending
}

// PlanMigrations finds what OpenStore would do in a database and changes nothing. schema is that of StoreOptions.
func PlanMigrations(ctx context.Context, s postgres.Settings, schema string) (p Plan, err error) {
	conn, err := postgres.Connect(ctx, s)
	if err != nil {
		return Plan{}, fmt.Errorf("plan migrations: %w", err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockTimeout)
		defer cancel()
		err = errors.Join(err, conn.Close(ctx))
	}()
	if schema == "" {
		if schema, err = findSchema(ctx, conn); err != nil {
			return Plan{}, err
		}
	}
	ledger, applied, err := readLedger(ctx, conn, schema)
	if err != nil {
		return Plan{}, err
	}
	names, err := fs.Glob(migrations, "migrations/*.sql") // in the order of their versions
	if err != nil {
		return Plan{}, fmt.Errorf("plan migrations: %w", err)
	}
	p.Schema = schema
	var b strings.Builder
	for _, name := range names {
		version, _, _ := strings.Cut(path.Base(name), "_")
		if applied[version] {
			continue
		}
		text, err := migrations.ReadFile(name)
		if err != nil {
			return Plan{}, fmt.Errorf("plan migrations: %w", err)
		}
		p.Pending++
		fmt.Fprintf(&b, "\n-- %s\n%s\n"+recordMigration+";\n", path.Base(name),
			strings.TrimSpace(strings.TrimPrefix(string(text), "-- +goose Up\n")), version)
	}
	if p.Pending == 0 {
		return p, nil
	}
	head := fmt.Sprintf("begin;\nselect pg_advisory_xact_lock(%d);\n", migrationLock)
	quoted := pgx.Identifier{schema}.Sanitize()
	var there bool
	if err := conn.QueryRow(ctx, "select to_regnamespace($1) is not null", quoted).Scan(&there); err != nil {
		return Plan{}, fmt.Errorf("look for schema %s: %w", schema, err)
	}
	if !there {
		head += "create schema " + quoted + ";\n"
	}
	head += "set local search_path to " + quoted + ";\n"
	if !ledger {
		head += createLedger + ";\n"
	}
	p.SQL = head + b.String() + "commit;\n"
	return p, nil
}

// readLedger returns the versions that a schema has had, and whether there is a ledger at all.
func readLedger(ctx context.Context, conn *pgx.Conn, schema string) (found bool, applied map[string]bool, err error) {
	table := pgx.Identifier{schema, ledgerTable}.Sanitize()
	if err := conn.QueryRow(ctx, "select to_regclass($1) is not null", table).Scan(&found); err != nil {
		return false, nil, fmt.Errorf("look for ledger: %w", err)
	}
	if !found {
		return false, nil, nil
	}
	rows, err := conn.Query(ctx, "select version from "+table)
	if err != nil {
		return false, nil, fmt.Errorf("read ledger: %w", err)
	}
	versions, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return false, nil, fmt.Errorf("read ledger: %w", err)
	}
	applied = map[string]bool{}
	for _, v := range versions {
		applied[strconv.FormatInt(v, 10)] = true
	}
	return true, applied, nil
}
