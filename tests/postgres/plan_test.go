package postgres

import (
	"bytes"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"realtime/postgres"
	"realtime/postgres/pgtest"
)

// planByHand: the plan of an empty database, typed into psql, gives what an installation gives.
func planByHand(t *testing.T, c *cluster) {
	now := time.Now()
	installed, byHand := c.database(t), c.database(t)
	conn := pgtest.Conn(t, byHand)
	before := pgtest.Catalog(t, byHand, "realtime")
	text, needed, err := postgres.PlanTenant(t.Context(), conn, now)
	if err != nil || !needed {
		t.Fatalf("needed %v, %v", needed, err)
	}
	if diff := cmp.Diff(pgtest.Catalog(t, byHand, "realtime"), before); diff != "" {
		t.Errorf("planning changed something (-got +want):\n%s", diff)
	}
	if _, err := postgres.PrepareTenant(t.Context(), pgtest.Conn(t, installed), now); err != nil {
		t.Fatal(err)
	}
	typeInto(t, byHand, text)
	if diff := cmp.Diff(pgtest.Catalog(t, byHand, "realtime"), pgtest.Catalog(t, installed, "realtime")); diff != "" {
		t.Errorf("by hand (-got +want):\n%s", diff)
	}
	text, needed, err = postgres.PlanTenant(t.Context(), conn, now)
	if err != nil || needed {
		t.Errorf("after that the plan is, %v:\n%s", err, text)
	}
	// A missing day, and a missing function, come back alone.
	pgtest.Exec(t, byHand, "drop table realtime.messages_"+now.UTC().Format("2006_01_02"), "drop function realtime.topic")
	text, _, err = postgres.PlanTenant(t.Context(), conn, now)
	if err != nil {
		t.Fatal(err)
	}
	typeInto(t, byHand, text)
	if got, want := pgtest.Catalog(t, byHand, "realtime"), pgtest.Catalog(t, installed, "realtime"); !slices.Equal(got, want) {
		t.Errorf("mended by hand (-got +want):\n%s", cmp.Diff(got, want))
	}
}

// typeInto runs a script with psql, of any version; without one on the machine the statements go as they are.
func typeInto(t *testing.T, s postgres.Settings, text string) {
	t.Helper()
	psql, err := exec.LookPath("psql")
	if err != nil {
		pgtest.Exec(t, s, text)
		return
	}
	cmd := exec.CommandContext(t.Context(), psql, "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--quiet", "--dbname="+s.URL())
	cmd.Stdin = bytes.NewReader([]byte(text))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("psql: %v\n%s", err, out)
	}
}
