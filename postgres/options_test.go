package postgres_test

import (
	"os/exec"
	"strings"
	"testing"

	"realtime/postgres"
	"realtime/postgres/pgtest"
)

// TestPsqlReadsAnAddressWithParameters: what people are given as an address they give to psql.
func TestPsqlReadsAnAddressWithParameters(t *testing.T) {
	psql, err := exec.LookPath("psql")
	if err != nil {
		t.Fatal(err)
	}
	s := pgtest.DB(t)
	s.ApplicationName = "a + b & c"
	s.Params = map[string]string{"search_path": `"odd \ schema", public`, "app.note": "x = 'y'", "statement_timeout": "5s"}
	const sql = `select concat_ws('|', current_setting('search_path'), current_setting('app.note'), current_setting('statement_timeout'), current_setting('application_name'))`
	out, err := exec.CommandContext(t.Context(), psql, "--no-psqlrc", "-At", "--dbname="+s.URL(), "--command="+sql).CombinedOutput()
	const answer = `"odd \ schema", public|x = 'y'|5s|a + b & c`
	if got := strings.TrimSpace(string(out)); err != nil || got != answer {
		t.Errorf("psql: got %s, %v, want %s", got, err, answer)
	}
	again, err := postgres.ParseURL(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	want(t, pgtest.Conn(t, again), sql, answer)
}
