package tenancy

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/pressly/goose/v3/database"
)

// ledgerTable records which migrations a schema has had. It is upstream's table in upstream's shape, so that either server
// finds the other's work: no table of goose's own is left behind.
const ledgerTable = "schema_migrations"

// ledger is goose's view of that table. The table comes from the connection's search_path, as the migrations' tables do. goose
// wants a version 0 in it, upstream would not know it: it is read into every answer and never written.
type ledger struct{}

// Tablename implements database.Store.
func (ledger) Tablename() string { return ledgerTable }

// TableExists implements database.StoreExtender.
func (ledger) TableExists(ctx context.Context, db database.DBTxConn) (bool, error) {
	var found bool
	err := db.QueryRowContext(ctx,
		"select exists (select from pg_tables where schemaname = current_schema() and tablename = $1)", ledgerTable).Scan(&found)
	if err != nil {
		return false, fmt.Errorf("look for ledger: %w", err)
	}
	return found, nil
}

// CreateVersionTable implements database.Store.
func (ledger) CreateVersionTable(ctx context.Context, db database.DBTxConn) error {
	if _, err := db.ExecContext(ctx, createLedger); err != nil {
		return fmt.Errorf("create ledger: %w", err)
	}
	return nil
}

// Insert implements database.Store.
func (ledger) Insert(ctx context.Context, db database.DBTxConn, req database.InsertRequest) error {
	if req.Version == 0 {
		return nil
	}
	if _, err := db.ExecContext(ctx, fmt.Sprintf(recordMigration, "$1"), req.Version); err != nil {
		return fmt.Errorf("record migration %d: %w", req.Version, err)
	}
	return nil
}

// Delete implements database.Store.
func (ledger) Delete(ctx context.Context, db database.DBTxConn, version int64) error {
	if _, err := db.ExecContext(ctx, "delete from schema_migrations where version = $1", version); err != nil {
		return fmt.Errorf("forget migration %d: %w", version, err)
	}
	return nil
}

// GetMigration implements database.Store.
func (ledger) GetMigration(ctx context.Context, db database.DBTxConn, version int64) (*database.GetMigrationResult, error) {
	if version == 0 {
		return &database.GetMigrationResult{IsApplied: true}, nil
	}
	var at sql.NullTime
	err := db.QueryRowContext(ctx, "select inserted_at from schema_migrations where version = $1", version).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read migration %d: %w", version, database.ErrVersionNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("read migration %d: %w", version, err)
	}
	return &database.GetMigrationResult{Timestamp: at.Time, IsApplied: true}, nil
}

// GetLatestVersion implements database.Store.
func (ledger) GetLatestVersion(ctx context.Context, db database.DBTxConn) (int64, error) {
	var version int64
	if err := db.QueryRowContext(ctx, "select coalesce(max(version), 0) from schema_migrations").Scan(&version); err != nil {
		return 0, fmt.Errorf("read latest migration: %w", err)
	}
	return version, nil
}

// ListMigrations implements database.Store.
func (ledger) ListMigrations(ctx context.Context, db database.DBTxConn) (list []*database.ListMigrationsResult, err error) {
	rows, err := db.QueryContext(ctx, "select version from schema_migrations order by version desc")
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		m := &database.ListMigrationsResult{IsApplied: true}
		if err := rows.Scan(&m.Version); err != nil {
			return nil, fmt.Errorf("list migrations: %w", err)
		}
		list = append(list, m)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	return append(list, &database.ListMigrationsResult{IsApplied: true}), nil
}
