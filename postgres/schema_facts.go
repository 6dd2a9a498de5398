package postgres

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// Names that the original gave; dumps, policies and triggers of its users name them.
const (
	schemaOwner         = "supabase_realtime_admin"
	messagesPublication = "supabase_realtime_messages_publication"
)

//go:embed schema/facts.sql
var factsSQL string

// facts are what the tenant schema looks like now and what the connected role may do about it.
type facts struct {
	Database     string          `json:"database"`
	Role         string          `json:"role"`
	Version      int             `json:"version"` // server_version_num
	Super        bool            `json:"super"`
	CreateRole   bool            `json:"create_role"`
	Bypass       bool            `json:"bypass"`
	Replication  bool            `json:"replication"`
	RDS          bool            `json:"rds"`
	Create       bool            `json:"create"` // on the database
	PolicyGrants string          `json:"policy_grants"`
	Roles        map[string]role `json:"roles"`
	Schema       *struct {
		Owned  bool `json:"owned"`
		Create bool `json:"create"`
		Grant  bool `json:"grant"` // may pass its privileges on
	} `json:"schema"`
	Messages    *messagesTable `json:"messages"`
	Ledger      bool           `json:"ledger"` // realtime.schema_migrations
	Functions   []string       `json:"functions"`
	Publication bool           `json:"publication"`

	foreign bool // the original has been here: its objects are its own
}

type role struct {
	Mine   bool `json:"mine"`  // the connected role has its privileges
	Admin  bool `json:"admin"` // and may grant it
	Super  bool `json:"super"`
	Joined bool `json:"joined"` // to supabase_realtime_admin: its member, or it is theirs
}

type messagesTable struct {
	Partitioned bool     `json:"partitioned"`
	Owner       string   `json:"owner"` // quoted where need be
	Owned       bool     `json:"owned"`
	Secured     bool     `json:"secured"` // row-level security is on
	Columns     []string `json:"columns"`
}

// querier is a connection or a transaction.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

func readFacts(ctx context.Context, q querier) (*facts, error) {
	var text string
	if err := q.QueryRow(ctx, factsSQL, pgx.QueryExecModeExec).Scan(&text); err != nil {
		return nil, fmt.Errorf("look at schema realtime: %w", err)
	}
	f := new(facts)
	if err := json.Unmarshal([]byte(text), f); err != nil {
		return nil, fmt.Errorf("look at schema realtime: %w", err)
	}
	f.foreign = f.Ledger && f.Messages != nil
	if f.Ledger && !f.foreign { // an empty ledger without tables is what an image prepares; one that is closed to us has a reason
		const rows = `select not has_table_privilege('realtime.schema_migrations', 'select')`
		if err := q.QueryRow(ctx, rows, pgx.QueryExecModeExec).Scan(&f.foreign); err != nil {
			return nil, fmt.Errorf("look at realtime.schema_migrations: %w", err)
		}
		if !f.foreign {
			const rows = `select exists (select from realtime.schema_migrations)`
			if err := q.QueryRow(ctx, rows, pgx.QueryExecModeExec).Scan(&f.foreign); err != nil {
				return nil, fmt.Errorf("look at realtime.schema_migrations: %w", err)
			}
		}
	}
	return f, nil
}

// has reports whether the function of that signature is there.
func (f *facts) has(signature string) bool { return slices.Contains(f.Functions, signature) }
