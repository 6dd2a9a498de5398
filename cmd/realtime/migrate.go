package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"realtime/postgres"
	"realtime/tenancy"
)

// migrateCommand does what serve does by itself, for those who want to see it
// done, or have somebody else do it, before they start a server.
type migrateCommand struct {
	DryRun    bool     `help:"Change nothing; print what would be done as SQL for psql."`
	NoTenants bool     `help:"Only the tenant rows' own schema, as the original's bin/migrate."`
	Tenant    []string `arg:"" optional:"" help:"Only these tenants; without a name all that are not suspended."`
}

// migrateLimit bounds one database.
const migrateLimit = 2 * time.Minute

// target is one tenant's database.
type target struct {
	tenant   string
	settings postgres.Settings
	err      error // the row cannot be used
}

func (m *migrateCommand) Run(ctx context.Context, p *process) error {
	ctx, stop := p.untilSignal(ctx)
	defer stop()
	c, err := p.config()
	if err != nil {
		return err
	}
	db, err := databaseAndSecrets(ctx, c)
	if err != nil {
		return err
	}
	if m.DryRun {
		return m.show(ctx, p, c, db)
	}
	store, err := openStore(ctx, c, db, newLog(c, p.stderr, p.terminal))
	if err != nil {
		return err
	}
	defer store.Close()
	fmt.Fprintf(p.stdout, "schema %s of database %s is up to date\n", store.Schema(), db.Database)
	targets, err := m.targets(ctx, c, db, store)
	if err != nil {
		return err
	}
	failed := 0
	for _, t := range targets {
		if err := m.prepare(ctx, p, t); err != nil {
			failed++
			fmt.Fprintf(p.stderr, "realtime: prepare the database of tenant %q: %s\n", t.tenant, err)
			if missing, ok := errors.AsType[*postgres.PrivilegeError](err); ok {
				fmt.Fprintf(p.stderr, "  as an administrator, in database %s:\n%s", missing.Database, missing.SQL)
			}
		}
	}
	if failed > 0 {
		return &failure{step: "migrate", err: fmt.Errorf("%d of %d tenants' databases are not ready", failed, len(targets)), mend: "mend what is said above and run this again; --no-tenants leaves them out"}
	}
	return nil
}

// targets are the databases to prepare. The self-host tenant may not have its
// row yet: serve makes it.
func (m *migrateCommand) targets(ctx context.Context, c *Config, db postgres.Settings, store *tenancy.Store) ([]target, error) {
	if m.NoTenants {
		return nil, nil
	}
	rows, err := store.List(ctx)
	if err != nil {
		return nil, &failure{step: "list the tenants", err: err}
	}
	var out []target
	var names []string
	for _, t := range rows {
		names = append(names, t.ExternalID)
		if len(m.Tenant) > 0 && !slices.Contains(m.Tenant, t.ExternalID) || t.Suspend && len(m.Tenant) == 0 {
			continue
		}
		d, err := t.Database()
		out = append(out, target{t.ExternalID, d.Settings, err})
	}
	if name := c.TenantName(); c.SeedTenant() && !slices.Contains(names, name) {
		names = append(names, name)
		if len(m.Tenant) == 0 || slices.Contains(m.Tenant, name) {
			out = append(out, target{name, db, nil})
		}
	}
	for _, name := range m.Tenant {
		if !slices.Contains(names, name) {
			return nil, &failure{step: "migrate", err: fmt.Errorf("no tenant is called %q", name), mend: "there are: " + strings.Join(names, ", ")}
		}
	}
	return out, nil
}

// on runs work on a connection to the target's database.
func (t *target) on(ctx context.Context, work func(ctx context.Context, now time.Time, s postgres.Settings) error) error {
	if t.err != nil {
		return t.err
	}
	ctx, cancel := context.WithTimeout(ctx, migrateLimit)
	defer cancel()
	return work(ctx, time.Now(), t.settings.WithApplication("realtime_migrations"))
}

func (m *migrateCommand) prepare(ctx context.Context, p *process, t target) error {
	return t.on(ctx, func(ctx context.Context, now time.Time, s postgres.Settings) error {
		conn, err := postgres.Connect(ctx, s)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close(ctx) }()
		done, err := postgres.PrepareTenant(ctx, conn, now)
		if err != nil {
			return err
		}
		words := "schema realtime is complete"
		switch {
		case done.Schema.Foreign:
			words = "schema realtime is upstream's and stays as it is"
		case len(done.Schema.Done) > 0:
			words = "schema realtime is installed"
		}
		if len(done.Partitions) > 0 {
			words += "; made " + strings.Join(done.Partitions, ", ")
		}
		_, err = fmt.Fprintf(p.stdout, "tenant %s: %s\n", t.tenant, words)
		return err
	})
}

// show prints the plan. Databases other than that of the tenant rows are
// connected to by psql's own command.
func (m *migrateCommand) show(ctx context.Context, p *process, c *Config, db postgres.Settings) error {
	schema, err := tenancy.SearchPathSchema(c.DB.AfterConnect)
	if err != nil {
		return &failure{step: "read DB_AFTER_CONNECT_QUERY", err: err}
	}
	plan, err := tenancy.PlanMigrations(ctx, db, schema)
	if err != nil {
		return &failure{step: "look at the tenant rows", err: err, mend: "check DB_HOST, DB_PORT, DB_NAME, DB_USER and DB_PASSWORD"}
	}
	fmt.Fprintf(p.stdout, "-- Schema %s of database %s: %d migrations are pending.\n%s\n", plan.Schema, db.Database, plan.Pending, plan.SQL)
	targets, err := m.planned(ctx, p, c, db, plan.Pending)
	if err != nil {
		return err
	}
	failed := 0
	for _, t := range targets {
		err := t.on(ctx, func(ctx context.Context, now time.Time, s postgres.Settings) error {
			conn, err := postgres.Connect(ctx, s)
			if err != nil {
				return err
			}
			defer func() { _ = conn.Close(ctx) }()
			text, _, err := postgres.PlanTenant(ctx, conn, now)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(p.stdout, "-- Tenant %s.\n%s%s\n", comment(t.tenant), connect(db, t.settings), text)
			return err
		})
		if err != nil {
			failed++
			fmt.Fprintf(p.stderr, "realtime: look at the database of tenant %q: %s\n", t.tenant, err)
		}
	}
	if failed > 0 {
		return &failure{step: "migrate", err: fmt.Errorf("%d of %d tenants' databases could not be looked at", failed, len(targets))}
	}
	return nil
}

// planned are the targets that can be known without changing anything.
func (m *migrateCommand) planned(ctx context.Context, p *process, c *Config, db postgres.Settings, pending int) ([]target, error) {
	if pending == 0 { // opening the rows changes nothing then
		store, err := openStore(ctx, c, db, slog.New(slog.DiscardHandler))
		if err != nil {
			return nil, err
		}
		defer store.Close()
		return m.targets(ctx, c, db, store)
	}
	if m.NoTenants || !c.SeedTenant() {
		fmt.Fprintln(p.stdout, "-- The tenants' databases can be planned when the above has been done.")
		return nil, nil
	}
	return []target{{tenant: c.TenantName(), settings: db}}, nil
}

// comment keeps a name within its line.
func comment(name string) string { return strings.Join(strings.Fields(name), " ") }

// connect takes psql to another database than the first, whose password it finds
// or asks for.
func connect(first, s postgres.Settings) string {
	if first.Host == s.Host && first.Port == s.Port && first.Database == s.Database && first.User == s.User {
		return ""
	}
	value := func(v string) string { return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(v) + "'" }
	info := fmt.Sprintf("host=%s port=%d dbname=%s user=%s", value(s.Host), s.Port, value(s.Database), value(s.User))
	return `\connect -reuse-previous=off "` + strings.ReplaceAll(info, `"`, `""`) + "\"\n"
}
