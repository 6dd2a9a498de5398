package main

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"realtime/postgres"
	"realtime/postgres/pgtest"
)

// on is the environment of a server on a database of one's own.
func on(db postgres.Settings) env {
	return env{
		"DB_HOST": db.Host, "DB_PORT": fmt.Sprint(db.Port), "DB_USER": db.User, "DB_PASSWORD": db.Password.Reveal(), "DB_NAME": db.Database,
		"DB_ENC_KEY": "supabaserealtime", "API_JWT_SECRET": strings.Repeat("s", 40), "SEED_SELF_HOST": "true", "SELF_HOST_TENANT_NAME": "acme",
	}
}

// bothSchemas is the state of a database as far as we make it.
func bothSchemas(t *testing.T, db postgres.Settings) []string {
	t.Helper()
	return append(pgtest.Catalog(t, db, "_realtime"), pgtest.Catalog(t, db, "realtime")...)
}

// typeInto gives a script to psql.
func typeInto(t *testing.T, db postgres.Settings, script string) {
	t.Helper()
	psql, err := exec.LookPath("psql")
	if err != nil {
		pgtest.Exec(t, db, script)
		return
	}
	cmd := exec.CommandContext(t.Context(), psql, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname="+db.URL())
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("psql: %v\n%s", err, out)
	}
}

// A dry run's script, typed into psql, gives what migrate itself gives, and what serve gives.
func TestMigrateDoesWhatItsPlanSays(t *testing.T) {
	migrated, byHand := pgtest.DB(t), pgtest.DB(t)
	before := bothSchemas(t, byHand)
	plan := command(t, on(byHand), "migrate", "--dry-run")
	if plan.code != 0 {
		t.Fatalf("dry run: %+v", plan)
	}
	if diff := cmp.Diff(bothSchemas(t, byHand), before); diff != "" {
		t.Errorf("the dry run changed something (-got +want):\n%s", diff)
	}
	typeInto(t, byHand, plan.stdout)
	if o := command(t, on(migrated), "migrate"); o.code != 0 || !strings.Contains(o.stdout, "tenant acme: schema realtime is installed") {
		t.Errorf("migrate: %+v", o)
	}
	if diff := cmp.Diff(bothSchemas(t, byHand), bothSchemas(t, migrated)); diff != "" {
		t.Errorf("by hand (-got +want):\n%s", diff)
	}
	again := command(t, on(byHand), "migrate", "--dry-run")
	if again.code != 0 || !strings.Contains(again.stdout, ": 0 migrations are pending") || !strings.Contains(again.stdout, "It is complete") || strings.Contains(again.stdout, "create") {
		t.Errorf("a second plan: %+v", again)
	}
	if o := command(t, on(byHand), "migrate"); o.code != 0 || !strings.Contains(o.stdout, "tenant acme: schema realtime is complete") {
		t.Errorf("migrate what is complete: %+v", o)
	}
	if diff := cmp.Diff(bothSchemas(t, byHand), bothSchemas(t, migrated)); diff != "" {
		t.Errorf("migrated twice (-got +want):\n%s", diff)
	}
}

func TestMigrateChoosesTenants(t *testing.T) {
	db := pgtest.DB(t)
	if o := command(t, on(db), "migrate", "--no-tenants"); o.code != 0 || strings.Contains(o.stdout, "tenant acme") {
		t.Errorf("without tenants: %+v", o)
	}
	if o := command(t, on(db), "migrate", "nobody"); o.code != exitFailed || !strings.Contains(o.stderr, `"nobody"`) || !strings.Contains(o.stderr, "there are: acme") {
		t.Errorf("one that is not there: %+v", o)
	}
	if lines := pgtest.Catalog(t, db, "realtime"); strings.Contains(strings.Join(lines, "\n"), "relation messages") {
		t.Error("the schema was installed, although nobody asked")
	}
}

// What a role may not do is printed as the statements that an administrator runs.
func TestMigrateTellsTheAdministrator(t *testing.T) {
	db := pgtest.DB(t)
	plain := db
	plain.User, plain.Password = pgtest.Name(t), "secret"
	pgtest.Exec(t, db, "create role "+plain.User+" login password 'secret'", "create schema _realtime authorization "+plain.User)
	t.Cleanup(func() { pgtest.Exec(t, db, "drop owned by "+plain.User+" cascade", "drop role "+plain.User) })
	e := on(plain)
	o := command(t, e, "migrate")
	if o.code != exitFailed || !strings.Contains(o.stdout, "schema _realtime of database") {
		t.Fatalf("got %+v", o)
	}
	_, sql, ok := strings.Cut(o.stderr, "as an administrator, in database "+db.Database+":\n")
	sql, _, _ = strings.Cut(sql, "realtime: migrate")
	if !ok || !strings.Contains(sql, "grant create on database") {
		t.Fatalf("got %+v", o)
	}
	typeInto(t, db, sql)
	if o := command(t, e, "migrate"); o.code != 0 || !strings.Contains(o.stdout, "is installed; made messages_"+time.Now().UTC().AddDate(0, 0, -1).Format("2006_01_02")) {
		t.Errorf("afterwards: %+v", o)
	}
}

// Users write policies and triggers before the first client connects.
func TestServePreparesTheSelfHostTenant(t *testing.T) {
	db := pgtest.DB(t)
	e := on(db)
	e["PORT"] = freePort(t)
	s := start(t, e, false, "serve")
	s.see("realtime is ready")
	pgtest.Exec(t, db, "create policy p on realtime.messages for select to authenticated using (realtime.topic() = 'a')")
	var n int
	conn := pgtest.Conn(t, db)
	if _, err := conn.Exec(t.Context(), "select realtime.send('{}', 'ev', 'a')"); err != nil {
		t.Error(err)
	}
	if err := conn.QueryRow(t.Context(), "select count(*) from realtime.messages").Scan(&n); err != nil || n != 1 {
		t.Errorf("%d messages are stored, %v", n, err)
	}
	if code := s.stop(); code != 0 {
		t.Errorf("stop: got exit code %d", code)
	}
}
