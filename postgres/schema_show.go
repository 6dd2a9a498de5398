package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// PlanTenant returns what [PrepareTenant] would do to the database, as a script that psql runs with the same result, and
// whether that is anything at all. It changes nothing. What the connected role may not do stands first, for an
// administrator to run.
func PlanTenant(ctx context.Context, conn *pgx.Conn, now time.Time) (text string, needed bool, err error) {
	f, err := readFacts(ctx, conn)
	if err != nil {
		return "", false, err
	}
	p := newPlan(f)
	var days []time.Time
	owner := schemaOwner
	switch {
	case f.Messages == nil && f.foreign: // an early release of the original: nothing to divide
	case f.Messages == nil:
		days = missingDays(now, nil)
	case f.Messages.Partitioned:
		owner = f.Messages.Owner
		err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			list, err := listPartitions(ctx, tx)
			days = missingDays(now, list)
			return err
		})
	}
	if err != nil {
		return "", false, err
	}
	return p.show(days, owner), len(p.admin)+len(p.own)+len(days) > 0, nil
}

func (p *plan) show(days []time.Time, owner string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "-- Schema realtime of database %s, as role %s.\n", quote(p.f.Database), quote(p.f.Role))
	switch {
	case p.f.foreign:
		b.WriteString("-- Upstream's own schema is here; it stays as it is.\n")
	case len(p.own)+len(p.admin) == 0:
		b.WriteString("-- It is complete.\n")
	}
	if len(p.admin) > 0 {
		fmt.Fprintf(&b, "\n-- First, as an administrator, because %s may not %s:\n%s", quote(p.f.Role), strings.Join(p.why, ", nor "), script(p.admin))
	}
	if len(p.own) > 0 {
		b.WriteString("\nbegin;\n" + lockSQL + ";\n" + script(p.own) + "commit;\n")
	}
	for _, date := range days {
		b.WriteString("\nbegin;\n" + lockSQL + ";\n" + script(partitionStatements(date, owner)) + "commit;\n")
	}
	return b.String()
}
