package changes

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"realtime/postgres"
	"realtime/postgres/pgtest"
)

// vector is one recorded scenario: what subscribers of these tables must hear of these statements.
type vector struct {
	ID             string
	Group          string   // what it is about
	Flags          []string // how upstream's own outcome came about: quirk, upstream_bug, poison …
	Differs        string   // why ours is another than upstream's
	MaxRecordBytes int      `json:"max_record_bytes"`
	Setup          []string
	Teardown       []string
	Subscriptions  []struct {
		Alias  string
		Claims json.RawMessage
		Params json.RawMessage
		Error  string
	}
	Steps []struct {
		SQL        []string
		Txs        [][]string
		Autocommit bool
		DMLError   *struct{ SQLState string } `json:"dml_error"`
		Want       []vectorRow
	}
}

type vectorRow struct {
	To   []string
	Data json.RawMessage
}

// vectorPreamble is what every vector finds.
var vectorPreamble = []string{
	`do $$ begin create role reporting nologin noinherit; exception when duplicate_object then null; end $$`,
	`do $$ begin create role "app-user" nologin noinherit; exception when duplicate_object then null; end $$`,
	`do $$ begin create role "AppUser" nologin noinherit; exception when duplicate_object then null; end $$`,
	`grant usage on schema public to reporting, "app-user", "AppUser"`,
	`create schema extensions`, `grant usage on schema extensions to anon, authenticated, service_role`,
	`do $$ begin execute format('alter database %I set search_path = "$user", public, auth, extensions', current_database()); end $$`,
	`alter default privileges in schema public revoke select, insert, update, delete on tables from anon, authenticated, service_role`,
	`drop publication supabase_realtime`, `create table public.marker (id int primary key); grant select on public.marker to anon, authenticated, service_role`,
}

func readVectors(t *testing.T) []vector {
	t.Helper()
	f, err := os.Open("testdata/vectors.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var out []vector
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var v vector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatalf("vector %d: %v", len(out)+1, err)
		}
		out = append(out, v)
	}
	return out
}

// TestVectors replays every scenario. Those whose publication is a plain list of tables share one Engine, whose
// publication changes under it all the time; the others have one each.
func TestVectors(t *testing.T) {
	t.Parallel()
	s, own := pgtest.DB(t), pgtest.DB(t)
	pgtest.Exec(t, s, vectorPreamble...)
	pgtest.Exec(t, own, vectorPreamble...)
	pgtest.Exec(t, s, "create publication supabase_realtime for table public.marker")
	shared := startRig(t, s, Options{})
	for _, v := range readVectors(t) {
		t.Run(v.ID, func(t *testing.T) {
			if !v.plain() {
				runVector(t, own, &v)
				return
			}
			setup := make([]string, len(v.Setup))
			for i, q := range v.Setup {
				setup[i] = strings.Replace(q, "create publication supabase_realtime for table", "alter publication supabase_realtime add table", 1)
			}
			shared.t = t
			pgtest.Exec(t, s, setup...)
			t.Cleanup(func() {
				for _, sub := range v.Subscriptions {
					shared.engine.Unsubscribe(sub.Alias)
				}
				pgtest.Exec(t, s, slices.DeleteFunc(v.Teardown, func(q string) bool { return strings.HasPrefix(q, "drop publication") })...)
			})
			shared.settle() // rows of the set-up are nobody's
			shared.replay(&v)
		})
	}
	shared.t = t
}

var plainPublication = regexp.MustCompile(`^create publication supabase_realtime for table [^()]+$`)

// plain reports whether the scenario can use a publication that is there already.
func (v *vector) plain() bool {
	made := 0
	for _, q := range v.Setup {
		switch {
		case strings.HasPrefix(q, "create publication") && (!plainPublication.MatchString(q) || strings.Contains(q, " where ")):
			return false
		case strings.HasPrefix(q, "create publication"):
			made++
		}
	}
	for _, sub := range v.Subscriptions {
		var p struct{ Schema, Table any }
		if json.Unmarshal(sub.Params, &p) != nil || p.Table == nil || p.Table == "*" || p.Schema == "*" {
			return false
		}
	}
	return made == 1 && v.MaxRecordBytes == 0
}

func runVector(t *testing.T, s postgres.Settings, v *vector) {
	t.Helper()
	pgtest.Exec(t, s, v.Setup...)
	t.Cleanup(func() { pgtest.Exec(t, s, v.Teardown...) })
	pgtest.Exec(t, s, `do $$ begin alter publication supabase_realtime add table public.marker;
		exception when undefined_object or object_not_in_prerequisite_state then null; end $$`)
	startRig(t, s, Options{MaxRecordBytes: v.MaxRecordBytes}).replay(v)
}

// replay subscribes, runs the steps and compares.
func (r *rig) replay(v *vector) {
	r.t.Helper()
	for _, sub := range v.Subscriptions {
		var claims struct{ Role string }
		if err := json.Unmarshal(sub.Claims, &claims); err != nil {
			r.t.Fatal(err)
		}
		a := r.ask(sub.Alias, claims.Role, string(sub.Claims), string(sub.Params))
		got := ""
		if a.Err != nil {
			got = a.Err.Text
		}
		want, _, _ := strings.Cut(sub.Error, "\n\nFailing row contains") // a row that nobody tried to insert here
		if got != want {
			r.t.Errorf("subscribe %s: got %q, want %q", sub.Alias, got, want)
		}
	}
	for i, step := range v.Steps {
		txs := step.Txs
		if txs == nil {
			txs = [][]string{step.SQL}
		}
		for _, tx := range txs {
			state := r.transaction(tx, step.Autocommit)
			if want := step.DMLError; want != nil && state != want.SQLState || want == nil && state != "" {
				r.t.Fatalf("step %d: got SQLSTATE %q, want %v", i, state, want)
			}
			r.settle()
		}
		r.compareStep(v, i, step.Want)
	}
}

// transaction runs statements in one transaction, or each in its own, and returns the SQLSTATE of what failed.
func (r *rig) transaction(sql []string, autocommit bool) string {
	r.t.Helper()
	ctx := context.Background()
	run := func(q string) string {
		if _, err := r.conn.Exec(ctx, q, pgx.QueryExecModeSimpleProtocol); err != nil {
			_, _ = r.conn.Exec(ctx, "rollback") // only a warning when there is nothing to roll back
			return postgres.State(err)
		}
		return ""
	}
	if autocommit {
		for _, q := range sql {
			if state := run(q); state != "" {
				return state
			}
		}
		return ""
	}
	return run("begin; " + strings.Join(sql, "; ") + "; commit")
}

// compareStep checks that every subscriber got exactly its rows, in order.
func (r *rig) compareStep(v *vector, step int, want []vectorRow) {
	r.t.Helper()
	for _, sub := range v.Subscriptions {
		var wants, gots []string
		for _, w := range want {
			if slices.Contains(w.To, sub.Alias) {
				wants = append(wants, normalize(r.t, w.Data))
			}
		}
		for _, got := range r.take(sub.Alias) {
			if text := normalize(r.t, got.Data); !strings.Contains(text, `"table":"marker"`) {
				gots = append(gots, text)
			}
		}
		if d := cmp.Diff(gots, wants); d != "" {
			r.t.Errorf("step %d, %s (%s; -got +want):\n%s\nnotices %q", step, sub.Alias, v.Differs, d, r.noticesOf(sub.Alias))
		}
	}
}

var timestampPattern = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$`)

// normalize sorts keys and keeps the text of numbers; a well-formed timestamp is T. Records that do not apply and those
// that are empty are the same to a client of an error row.
func normalize(t testing.TB, data []byte) string {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		t.Fatalf("decode %s: %v", data, err)
	}
	if at, ok := m["commit_timestamp"].(string); ok && timestampPattern.MatchString(at) {
		m["commit_timestamp"] = "T"
	}
	out, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
