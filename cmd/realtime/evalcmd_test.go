package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"realtime/postgres/pgtest"
)

// cliText is what the Supabase CLI gives to the container of a start.
const cliText = "{:ok, _} = Application.ensure_all_started(:realtime)\n{:ok, _} = Realtime.Tenants.health_check(\"acme\")\n"

// TestTheContainersEntryPoints: scripts that know the original's programs by their names go on working.
func TestTheContainersEntryPoints(t *testing.T) {
	db := pgtest.DB(t)
	e := on(db)
	e["REALTIME_DATA_DIR"] = t.TempDir()
	called := func(self string, args ...string) outcome {
		var out, errs bytes.Buffer
		p := &process{stdout: &out, stderr: &errs, environ: e.environ, self: self, exit: func(int) {}}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		return outcome{run(ctx, p, args), out.String(), errs.String()}
	}
	if o := called("/app/bin/migrate"); o.code != exitOK || !strings.Contains(o.stdout, "schema _realtime") || strings.Contains(o.stdout, "acme") {
		t.Errorf("bin/migrate: %+v", o)
	}
	e["SEED_SELF_HOST"] = "false"
	if o := called("/app/bin/realtime", "eval", cliText); o.code != exitFailed || !strings.Contains(o.stderr, `"acme"`) || !strings.Contains(o.stderr, "SEED_SELF_HOST=true") {
		t.Errorf("a tenant that is not there: %+v", o)
	}
	if o := called("/app/bin/realtime", "eval", "Realtime.Release.seeds(Realtime.Repo)"); o.code != exitOK {
		t.Errorf("seeds: %+v", o)
	}
	if o := called("/app/bin/realtime", "eval", "Realtime.Release.migrate"); o.code != exitOK {
		t.Errorf("migrate: %+v", o)
	}
	for _, text := range []string{cliText, strings.ReplaceAll(strings.TrimSpace(cliText), "\n", `\n`)} {
		if o := called("/app/bin/realtime", "eval", text); o.code != exitOK || !strings.Contains(o.stdout, "tenant acme: schema realtime") {
			t.Errorf("%q: %+v", text, o)
		}
	}
	for _, text := range []string{"System.halt(0)", cliText + `File.rm_rf("/")`, `{:ok, _} = Realtime.Tenants.health_check("a" <> "b")`} {
		if o := called("/app/bin/realtime", "eval", text); o.code != exitUsage || !strings.Contains(o.stderr, "not a known text") {
			t.Errorf("%q: %+v", text, o)
		}
	}
	e["PORT"] = "none"
	if o := called("/app/bin/server"); o.code != exitUsage || !strings.Contains(o.stderr, "PORT") {
		t.Errorf("bin/server does not serve: %+v", o)
	}
	if o := called("/app/bin/realtime", "start"); o.code != exitUsage || !strings.Contains(o.stderr, "PORT") {
		t.Errorf("realtime start does not serve: %+v", o)
	}
}

// TestEvalSaysWhatIsWrongWithADatabase: the CLI shows it to the developer who waits.
func TestEvalSaysWhatIsWrongWithADatabase(t *testing.T) {
	e := on(pgtest.DB(t))
	if o := command(t, e, "eval", cliText); o.code != exitOK {
		t.Fatalf("%+v", o)
	}
	e["DB_PORT"] = freePort(t)
	if o := command(t, e, "eval", cliText); o.code != exitFailed || !strings.Contains(o.stderr, "DB_PORT="+e["DB_PORT"]) {
		t.Errorf("no database: %+v", o)
	}
}
