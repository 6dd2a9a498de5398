package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"realtime/protocol/codes"
)

// schemaLock is the advisory lock under which the tenant schema changes: "rtschema" in ASCII.
const schemaLock = 0x7274736368656d61

// schemaTries bounds how often an installation begins anew because another database's was quicker to make a role, which
// belongs to the whole server.
const schemaTries = 5

// SchemaReport says what InstallSchema found and did.
type SchemaReport struct {
	Foreign  bool     // the original's own schema is there, and was left as it is
	Done     []string // the statements that were run, in order; none: all was there
	Messages bool     // there is a realtime.messages now
}

// InstallSchema makes the schema realtime, with the names and the behaviour that policies, triggers and tools of the
// original's users rely on. It makes what is missing, in one transaction, and changes nothing that is there; several
// servers may do so at once. Where the original has been, in any version, it does nothing.
//
// The error is a *PrivilegeError when the role may not. conn must not be in a transaction.
func InstallSchema(ctx context.Context, conn *pgx.Conn) (SchemaReport, error) {
	f, err := readFacts(ctx, conn)
	if err != nil {
		return SchemaReport{}, err
	}
	if p := newPlan(f); len(p.own) == 0 && len(p.admin) == 0 {
		return SchemaReport{Foreign: f.foreign, Messages: f.Messages != nil}, nil
	}
	for try := 1; ; try++ {
		report, err := installOnce(ctx, conn)
		if err == nil || try == schemaTries || !lostRace(err) {
			return report, err
		}
	}
}

func installOnce(ctx context.Context, conn *pgx.Conn) (report SchemaReport, err error) {
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockSQL, pgx.QueryExecModeSimpleProtocol); err != nil {
			return fmt.Errorf("wait for another server to install schema realtime: %w", err)
		}
		f, err := readFacts(ctx, tx)
		if err != nil {
			return err
		}
		p := newPlan(f)
		if err := p.refusal(); err != nil {
			return err
		}
		for _, sql := range p.own {
			if _, err := tx.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol); err != nil {
				return fmt.Errorf("install schema realtime: %s: %w", firstLine(sql), err)
			}
		}
		report = SchemaReport{Foreign: f.foreign, Done: p.own, Messages: f.Messages != nil || len(p.own) > 0}
		return nil
	})
	if err != nil {
		return SchemaReport{}, err
	}
	return report, nil
}

var lockSQL = fmt.Sprintf("select pg_advisory_xact_lock(%d)", int64(schemaLock))

// refusal is nil if the connected role can do all of the plan.
func (p *plan) refusal() error {
	if len(p.admin) == 0 {
		return nil
	}
	return &PrivilegeError{Database: p.f.Database, Role: p.f.Role, Lacks: p.why, SQL: script(p.admin)}
}

// lostRace reports whether somebody else made the same thing in the meantime.
func lostRace(err error) bool {
	return IsDuplicateObject(err) || IsUniqueViolation(err) || State(err) == "40P01" ||
		State(err) == "XX000" && strings.Contains(err.Error(), "tuple concurrently") // grants of roles
}

// firstLine is enough of a statement to know it by.
func firstLine(sql string) string {
	for line := range strings.Lines(sql) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "--") {
			return line
		}
	}
	return sql
}

// Prepared is what PrepareTenant did.
type Prepared struct {
	Schema     SchemaReport
	Partitions []string // made now, oldest first
}

// PrepareTenant makes a tenant's database ready for private channels and realtime.send: the schema, and the partitions of
// the days around now. It costs two round trips when there is nothing to do, so it may be called whenever a tenant's
// database is opened. The error is a connection's, or a fault: MigrationsFailedToRun, or PartitionCreationFailed when the
// schema is there. conn must not be in a transaction.
func PrepareTenant(ctx context.Context, conn *pgx.Conn, now time.Time) (Prepared, error) {
	var done Prepared
	var err error
	if done.Schema, err = InstallSchema(ctx, conn); err != nil {
		return done, fault(codes.MigrationsFailedToRun, err)
	}
	if done.Schema.Messages {
		done.Partitions, err = EnsurePartitions(ctx, conn, now)
	}
	return done, err
}

// fault gives err a code unless the connection is to blame, which has codes of its own.
func fault(code codes.Code, err error) error {
	if IsConnection(err) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return codes.Wrap(code, err, "")
}
