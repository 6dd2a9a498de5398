package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"realtime/postgres/changes"
	"realtime/postgres/pgtest"
)

const ada = "00000000-0000-4000-8000-00000000000a"

// newTodos makes a database with a table that shows each user his own rows, and returns its address.
func newTodos(t *testing.T) (url string, exec func(...string)) {
	t.Helper()
	db := pgtest.DB(t)
	exec = func(sql ...string) { pgtest.Exec(t, db, sql...) }
	exec(`create table "To dos" (id int primary key, owner uuid, task text)`, `alter table "To dos" enable row level security`,
		`create policy "their own" on "To dos" for select to authenticated using (owner = auth.uid())`, `grant select on "To dos" to authenticated; revoke all on "To dos" from service_role`,
		`insert into "To dos" values (1, '`+ada+`', 'water the plants'), (2, null, 'nobody''s')`, `alter publication supabase_realtime add table "To dos"`)
	return db.URL(), exec
}

func TestExplainTellsAPersonWhereARowIsDropped(t *testing.T) {
	url, _ := newTodos(t)
	for _, c := range []struct {
		args string
		want []string
	}{
		{"--pk 1 --role authenticated --sub " + ada, []string{`INSERT of "public"."To dos" to role authenticated: delivered`, `policy "their own"  true`, `"task":"water the plants"`}},
		{"--pk id=2 --role authenticated --sub " + ada, []string{`not delivered (policy)`, `no policy lets the role with these claims see the row: "their own" (null)`, `policy "their own"  null`, "owner = auth.uid()"}},
		{"--pk 2 --event delete --role authenticated", []string{`DELETE of "public"."To dos" to role authenticated: delivered`, "a DELETE asks no policy"}},
		{"--pk 1 --role service_role", []string{`to role service_role: delivered as an error, without columns (privilege)`, `grant select on "public"."To dos" to "service_role";`}},
		{"--pk 1", []string{`to role anon: not delivered (policy)`, `create policy "rows to read" on "public"."To dos" for select to "anon" using ((select auth.uid()) = "owner");`, `policy "their own"  no say`}},
		{"--pk 1 --role authenticated --filter id=gt.5", []string{`not delivered (filter)`, `id=gt."5": "id" is "1"`}},
		{"--pk 1 --role authenticated --listen update", []string{`not delivered (event)`, `wants UPDATE alone`}},
		{"--pk 1 --role authenticated --publication nothing", []string{`not delivered (publication)`, `create publication "nothing" for table "public"."To dos";`}},
	} {
		o := command(t, nil, append([]string{"changes", "explain", "--table", `public."To dos"`, "--database-url", url}, strings.Fields(c.args)...)...)
		if o.code != exitOK || o.stderr != "" {
			t.Errorf("%s: got %+v", c.args, o)
		}
		for _, text := range c.want {
			if !strings.Contains(o.stdout, text) {
				t.Errorf("%s: got\n%s\nwant %s", c.args, o.stdout, text)
			}
		}
	}
}

func TestExplainPrintsJSONForPrograms(t *testing.T) {
	url, _ := newTodos(t)
	token := "e30." + "eyJyb2xlIjoiYXV0aGVudGljYXRlZCIsInN1YiI6Im5vYm9keSIsImV4cCI6MX0" + ".x" // role authenticated, sub nobody, exp 1
	o := command(t, nil, "changes", "explain", "--json", "--table", `"public"."To dos"`, "--pk", "1", "--token", token, "--database-url", url)
	var a changes.Explanation
	if err := json.Unmarshal([]byte(o.stdout), &a); err != nil || o.code != exitOK {
		t.Fatalf("got %+v, %v", o, err)
	}
	if !strings.HasPrefix(o.stderr, "note: these claims expired at 1970-01-01T00:00:01Z") {
		t.Errorf("got %q about a token of 1970", o.stderr)
	}
	var policy string
	for _, s := range a.Steps {
		if s.Name == changes.StepPolicy {
			policy = s.Detail
		}
	}
	if a.Outcome != changes.Dropped || a.At != changes.StepPolicy || a.Role != "authenticated" || a.Tier == "" || len(a.Policies) != 1 || !strings.Contains(policy, "22P02") {
		t.Errorf("got %+v", a)
	}
}

func TestExplainSaysWhatItCannotDo(t *testing.T) {
	url, _ := newTodos(t)
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--table", "To dos", "--pk", "7", "--database-url", url}, exitFailed, "there is no such row"},
		{[]string{"--table", "To dos", "--pk", "nope=7", "--database-url", url}, exitFailed, `no column "nope"`},
		{[]string{"--table", "To dos", "--database-url", url}, exitFailed, "primary key"},
		{[]string{"--table", "a.b.c", "--pk", "7"}, exitUsage, "schema.table"},
		{[]string{"--table", `"a`, "--pk", "7"}, exitUsage, "not closed"},
		{[]string{"--table", "a", "--pk", "7", "--claims", "[]"}, exitUsage, "JSON object"},
		{[]string{"--table", "a", "--pk", "7", "--token", "x.y"}, exitUsage, "three parts"},
		{[]string{"--table", "a", "--pk", "7", "--event", "TRUNCATE"}, exitUsage, "--event"},
		{[]string{"--table", "a", "--pk", "7", "--tenant", "t", "--database-url", url}, exitUsage, "one of them"},
		{[]string{"--table", "a", "--pk", "7", "--database-url", "nonsense"}, exitUsage, "--database-url"},
		{[]string{"--table", "a", "--pk", "7"}, exitFailed, "no server runs"},
	} {
		o := command(t, nil, append([]string{"changes", "explain"}, c.args...)...)
		if o.code != c.code || !strings.Contains(o.stderr, c.want) || o.stdout != "" {
			t.Errorf("%q: got %+v, want %d and %s", c.args, o, c.code, c.want)
		}
	}
}

// TestTailPrintsWhatAUserGetsAndWhyNot follows a table through rows, a policy that changes, and the count.
func TestTailPrintsWhatAUserGetsAndWhyNot(t *testing.T) {
	url, exec := newTodos(t)
	tail := start(t, nil, false, "changes", "tail", "--why", "--table", `"To dos"`, "--role", "authenticated", "--sub", ada, "--filter", "id=lt.100", "--count", "6", "--database-url", url)
	tail.see(`listening to "To dos" as role authenticated`)
	for _, step := range []struct{ sql, see string }{
		{`insert into "To dos" values (3, '` + ada + `', 'c')`, `"task":"c"`},
		{`insert into "To dos" values (4, null, 'd')`, "at policy"},
		{`insert into "To dos" values (200, '` + ada + `', 'e')`, "at filter"},
		{`alter policy "their own" on "To dos" using (true); insert into "To dos" values (5, null, 'f')`, `"task":"f"`},
		{`create table other (id int primary key); alter publication supabase_realtime add table other; insert into other values (1); delete from "To dos" where id = 4`, "DELETE"},
		{`revoke select on "To dos" from authenticated; grant select (id) on "To dos" to authenticated; update "To dos" set task = 'g' where id = 1`, "UPDATE"},
	} {
		exec(step.sql)
		tail.see(step.see)
	}
	if code := <-tail.code; code != exitOK {
		t.Fatalf("got exit code %d", code)
	}
	lines := strings.Split(strings.TrimSpace(tail.out.String()), "\n")
	want := []string{
		`listening to "To dos" as role authenticated`,
		`INSERT public.To dos {"id":3,"owner":"` + ada + `","task":"c"}`,
		`dropped INSERT "public"."To dos" at policy: no policy lets the role with these claims see the row: "their own" (null)`,
		`dropped INSERT "public"."To dos" at filter: id=lt."100": "id" is "200"`,
		`INSERT public.To dos {"id":5,"owner":null,"task":"f"}`,
		`DELETE public.To dos old {"id":4}`,
		`UPDATE public.To dos {"id":1} old {"id":1}`,
	}
	if d := cmp.Diff(lines, want); d != "" {
		t.Errorf("(-got +want):\n%s", d)
	}
}

func TestTailRefusesWhatWouldBeSilent(t *testing.T) {
	url, exec := newTodos(t)
	exec("create table hidden (id int primary key)")
	o := command(t, nil, "changes", "tail", "--table", "hidden", "--database-url", url)
	if o.code != exitFailed || !strings.Contains(o.stderr, "is not in publication") || !strings.Contains(o.stderr, `alter publication "supabase_realtime" add table "public"."hidden";`) {
		t.Errorf("got %+v", o)
	}
	tail := start(t, nil, false, "changes", "tail", "--table", "To dos", "--database-url", url)
	tail.see(`warning Row level security is on for "public"."To dos" and no policy lets role "anon" read`)
	if code := tail.stop(); code != exitOK {
		t.Errorf("got exit code %d", code)
	}
}

func TestTableNamesAreReadAsInSQL(t *testing.T) {
	for text, want := range map[string][2]string{
		"todos": {"public", "todos"}, "s.t": {"s", "t"}, "S.T": {"S", "T"}, `"a.b"."c""d"`: {"a.b", `c"d`}, `s."t"`: {"s", "t"}, `"t"`: {"public", "t"},
		"": {}, ".": {}, "a.": {}, "a.b.c": {}, `"a`: {}, `"a"b`: {}, `""`: {},
	} {
		schema, table, err := tableName(text)
		if got := [2]string{schema, table}; got != want || (err == nil) != (want[1] != "") {
			t.Errorf("%s: got %q, %v; want %q", text, got, err, want)
		}
	}
}
