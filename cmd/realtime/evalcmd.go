package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"realtime/protocol/codes"
)

// evalCommand answers the few texts that are in use with the original's container; it evaluates nothing.
type evalCommand struct {
	Text string `arg:"" help:"One of the known texts."`
}

// The known texts: the Supabase CLI's check of the tenant, and the two steps of older compose files.
var (
	evalStart  = regexp.MustCompile(`^\{:ok, _\} = Application\.ensure_all_started\(:realtime\)$`)
	evalHealth = regexp.MustCompile(`^\{:ok, _\} = Realtime\.Tenants\.health_check\("([^"\\]+)"\)$`)
)

const (
	evalMigrate = "Realtime.Release.migrate"
	evalSeed    = "Realtime.Release.seeds(Realtime.Repo)"
)

func (e *evalCommand) Run(ctx context.Context, p *process) error {
	ctx, stop := p.untilSignal(ctx)
	defer stop()
	var steps []func(context.Context, *process) error
	for line := range strings.Lines(strings.NewReplacer(`\n`, "\n", ";", "\n").Replace(e.Text)) {
		line = strings.TrimSpace(line)
		health := evalHealth.FindStringSubmatch(line)
		switch {
		case line == "" || evalStart.MatchString(line):
		case strings.TrimSuffix(line, "()") == evalMigrate:
			steps = append(steps, (&migrateCommand{NoTenants: true}).Run)
		case line == evalSeed:
			steps = append(steps, evalSeeds)
		case health != nil:
			steps = append(steps, func(ctx context.Context, p *process) error { return evalCheck(ctx, p, health[1]) })
		default:
			return &failure{
				step: "eval", err: fmt.Errorf("this is not a known text: %q", line), code: exitUsage,
				mend: `there is no Elixir here; known are ` + evalMigrate + `, ` + evalSeed + ` and {:ok, _} = Realtime.Tenants.health_check("tenant")`,
			}
		}
	}
	for _, step := range steps {
		if err := step(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// evalSeeds writes the self-host tenant's row, as serve does.
func evalSeeds(ctx context.Context, p *process) error {
	return withTenants(ctx, p, func(s *server) error { return s.seed(ctx) })
}

// evalCheck does what the container's entry point does before the command, and makes the tenant's database ready.
func evalCheck(ctx context.Context, p *process, tenant string) error {
	return withTenants(ctx, p, func(s *server) error {
		if s.c.SeedTenant() {
			if err := s.seed(ctx); err != nil {
				return err
			}
		}
		t, err := s.store.Get(ctx, tenant)
		if err != nil {
			f := &failure{step: fmt.Sprintf("check tenant %q", tenant), err: err}
			if codes.Of(err).Code == codes.TenantNotFound {
				f.mend = "SEED_SELF_HOST=true makes the tenant that SELF_HOST_TENANT_NAME names"
			}
			return f
		}
		if t.Suspend {
			return &failure{step: fmt.Sprintf("check tenant %q", tenant), err: errors.New("it is suspended")}
		}
		d, err := t.Database()
		if err == nil {
			err = (&migrateCommand{}).prepare(ctx, p, target{tenant: tenant, settings: d.Settings})
		}
		if err != nil {
			return &failure{step: fmt.Sprintf("check the database of tenant %q", tenant), err: err}
		}
		return nil
	})
}

// withTenants lends the tenant rows, their schema up to date, to somebody who is not a server.
func withTenants(ctx context.Context, p *process, work func(*server) error) error {
	c, err := p.config()
	if err != nil {
		return err
	}
	db, err := databaseAndSecrets(ctx, c)
	if err != nil {
		return err
	}
	s := &server{c: c, p: p, log: newLog(c, p.stderr, p.terminal), database: db, tenant: c.TenantName()}
	if s.store, err = openStore(ctx, c, db, s.log); err != nil {
		return err
	}
	defer s.store.Close()
	return work(s)
}

// entryPoint adds the command that a name of the original's container stands for: its programs are links to this one.
func entryPoint(self string, args []string) []string {
	switch filepath.Base(self) {
	case "server":
		return append([]string{"serve"}, args...)
	case "migrate":
		return append([]string{"migrate", "--no-tenants"}, args...)
	}
	return args
}
