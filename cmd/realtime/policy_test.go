package main

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"realtime/postgres"
	"realtime/postgres/pgtest"
)

// newRooms makes a database whose user ada may read room-1, and whose policy for zero raises an error.
func newRooms(t *testing.T) (url string, exec func(...string)) {
	t.Helper()
	db := pgtest.DB(t)
	if _, err := postgres.PrepareTenant(t.Context(), pgtest.Conn(t, db), time.Now()); err != nil {
		t.Fatal(err)
	}
	exec = func(sql ...string) { t.Helper(); pgtest.Exec(t, db, sql...) }
	exec(`create policy hers on realtime.messages for select to authenticated
		using (realtime.topic() = 'room-1' and (select auth.uid()) = '`+ada+`' and extension = 'broadcast' or realtime.topic() = 'zero' and 1/(length(topic)-4) = 1)`,
		`create policy region on realtime.messages for insert to service_role, authenticated
		with check (current_setting('request.headers')::json ->> 'x-region' = 'eu')`)
	return db.URL(), exec
}

func checkPolicies(t *testing.T, url string, args ...string) outcome {
	t.Helper()
	return command(t, nil, append([]string{"policy", "check", "--database-url", url}, args...)...)
}

func TestPolicyCheckSaysWhatAndWhy(t *testing.T) {
	url, exec := newRooms(t)
	for _, c := range []struct {
		args string
		want []string // patterns
	}{
		{"--topic realtime:room-1 --role authenticated --sub " + ada, []string{
			`role authenticated on topic room-1`, `read broadcast +allowed +[0-9.]+(µs|ms)`, `read presence +denied .* policies apply to the role, and say no`,
			`write persistence +denied`, `create policy "read presence of room-1" on realtime.messages for select to "authenticated" using \(realtime.topic\(\) = 'room-1'`,
		}},
		{"--topic room-1 --role authenticated --header X-Region=eu --extension presence", []string{`write presence +allowed`}},
		{"--topic room-1", []string{`read broadcast +denied .* no policy applies to the role`}},
		{"--topic zero --role authenticated", []string{`read broadcast +error .*RlsPolicyError.*division by zero`}},
		{"--topic room-1 --role ghost", []string{`read broadcast +error .*role "ghost" does not exist`}},
	} {
		o := checkPolicies(t, url, strings.Fields(c.args)...)
		if o.code != exitOK || o.stderr != "" {
			t.Errorf("%s: got %+v", c.args, o)
		}
		for _, p := range c.want {
			if !regexp.MustCompile(p).MatchString(o.stdout) {
				t.Errorf("%s: got\n%s\nwant %s", c.args, o.stdout, p)
			}
		}
	}
	// The SQL that is printed does what it says.
	o := checkPolicies(t, url, "--json", "--topic", `it's "x" \ y`, "--role", "anon", "--extension", "broadcast")
	var verdicts []verdictJSON
	if err := json.Unmarshal([]byte(o.stdout), &verdicts); err != nil || len(verdicts) != 2 {
		t.Fatalf("got %+v, %v", o, err)
	}
	for _, v := range verdicts {
		if v.Allowed || v.Allow == "" {
			t.Fatalf("got %+v", v)
		}
		exec(v.Allow)
	}
	o = checkPolicies(t, url, "--topic", `it's "x" \ y`, "--role", "anon", "--extension", "broadcast")
	if n := strings.Count(o.stdout, "allowed"); n != 2 {
		t.Errorf("after its own SQL: got\n%s", o.stdout)
	}
}

func TestPolicyCheckRefusesKindly(t *testing.T) {
	url := pgtest.DB(t).URL()
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--topic", "realtime:"}, exitUsage, "want the name of a channel"},
		{[]string{"--topic", "a", "--claims", "[]"}, exitUsage, "--claims: want a JSON object"},
		{[]string{"--topic", "a"}, exitFailed, "realtime migrate installs the schema"},
	} {
		if o := checkPolicies(t, url, c.args...); o.code != c.code || !strings.Contains(o.stderr, c.want) {
			t.Errorf("%q: got %+v", c.args, o)
		}
	}
}
