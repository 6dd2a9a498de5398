package wal

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Types holds what the catalog says of the types that rows are made of. It belongs to one goroutine. Types change
// (ALTER TYPE): whoever sees the catalog change begins anew with NewTypes.
type Types struct{}

// NewTypes returns the types that every Postgres has built in.
func NewTypes() *Types { return &Types{} }

// Load reads the facts of those types of oids that are not known yet, and of all they are made of.
func (t *Types) Load(ctx context.Context, conn *pgx.Conn, oids []uint32) error { return nil }

// Name returns pg_type.typname, or "" for a type that is not known.
func (t *Types) Name(oid uint32) string { return "" }

// AppendJSON appends the JSON of a value whose output text is text.
func (t *Types) AppendJSON(dst []byte, oid uint32, mod int32, text []byte) ([]byte, error) {
	return dst, nil
}

// NeedsDatabase reports whether the type, or one it is made of, has a cast function to json (hstore, PostGIS), so that
// only Postgres can make its JSON. AppendJSON makes a string of it.
func (t *Types) NeedsDatabase(oid uint32) bool { return false }
