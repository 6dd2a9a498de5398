package embedded

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/jackc/pgx/v5"
)

//go:embed seed.sql
var seedSQL string

// seeded asks whether everything that seed.sql makes is there, in one round trip.
const seeded = `select
	(select count(*) = 3 from pg_catalog.pg_roles where rolname in ('anon', 'authenticated', 'service_role'))
	and pg_catalog.to_regprocedure('auth.uid()') is not null
	and pg_catalog.to_regprocedure('auth.role()') is not null
	and pg_catalog.to_regprocedure('auth.jwt()') is not null
	and exists (select from pg_catalog.pg_publication where pubname = 'supabase_realtime')`

// Seed makes what a Supabase database has and users' SQL relies on: the roles anon, authenticated and service_role, the
// schema auth with uid(), role() and jwt(), privileges for tables made later, and the empty publication
// supabase_realtime. It makes only what is missing and never changes what is there. conn must be a superuser's.
func Seed(ctx context.Context, conn *pgx.Conn) error {
	var done bool
	if err := conn.QueryRow(ctx, seeded, pgx.QueryExecModeSimpleProtocol).Scan(&done); err != nil {
		return fmt.Errorf("look for the API roles: %w", err)
	}
	if done {
		return nil
	}
	if _, err := conn.Exec(ctx, seedSQL, pgx.QueryExecModeSimpleProtocol); err != nil {
		return fmt.Errorf("make the API roles: %w", err)
	}
	return nil
}
