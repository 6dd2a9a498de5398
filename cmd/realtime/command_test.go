package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"realtime/protocol/client"
	"realtime/tests/leaks"
)

// outcome is what one command line did.
type outcome struct {
	code           int
	stdout, stderr string
}

// command runs one command line in e, with its data directory in a folder of
// the test's own unless e names one.
func command(t *testing.T, e env, args ...string) outcome {
	t.Helper()
	if e == nil {
		e = env{}
	}
	if e["REALTIME_DATA_DIR"] == "" {
		e["REALTIME_DATA_DIR"] = t.TempDir()
	}
	var out, errs bytes.Buffer
	p := &process{stdout: &out, stderr: leaks.Watch(t, &errs), environ: e.environ, self: "realtime", exit: func(int) {}}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	code := run(ctx, p, args)
	return outcome{code, out.String(), errs.String()}
}

// claimsOf decodes a token's claims without checking it.
func claimsOf(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(strings.TrimSuffix(token, "\n"), ".")
	if len(parts) != 3 {
		t.Fatalf("got %q, want a token of three parts", token)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(raw, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestTokenPrintsTheTokenAndNothingElse(t *testing.T) {
	e := env{"API_JWT_SECRET": strings.Repeat("s", 40)}
	for _, args := range [][]string{
		{"token", "make", "--role", "authenticated", "--sub", "ada", "--ttl", "2h", "--claims", `{"big":12345678901234567890,"aud":"x"}`},
		{"token", "--role=authenticated", "--sub=ada", "--ttl=2h", `--claims={"big":12345678901234567890,"aud":"x"}`},
	} {
		o := command(t, e, args...)
		if o.code != 0 || o.stderr != "" || strings.Count(o.stdout, "\n") != 1 {
			t.Fatalf("%v: got %+v", args, o)
		}
		claims := claimsOf(t, o.stdout)
		life := claims["exp"].(float64) - claims["iat"].(float64)
		delete(claims, "exp")
		delete(claims, "iat")
		want := map[string]any{"role": "authenticated", "sub": "ada", "big": 12345678901234567890.0, "aud": "x"}
		if d := cmp.Diff(claims, want); d != "" || life != 7200 {
			t.Errorf("%v: life %v, claims (-got +want):\n%s", args, life, d)
		}
	}
}

func TestTokenClaimsWinOverFlags(t *testing.T) {
	o := command(t, env{"API_JWT_SECRET": strings.Repeat("s", 40)}, "token", "--claims", `{"role":"editor","exp":1}`)
	claims := claimsOf(t, o.stdout)
	if claims["role"] != "editor" || claims["exp"] != 1.0 {
		t.Errorf("got %v", claims)
	}
}

func TestTokenWorksWithoutAServer(t *testing.T) {
	d := dataDir(t.TempDir())
	e := env{"REALTIME_DATA_DIR": string(d)}
	o := command(t, e, "token")
	if o.code != exitFailed || o.stdout != "" || !strings.Contains(o.stderr, string(d)) || !strings.Contains(o.stderr, "realtime serve") {
		t.Errorf("before the first start: got %+v", o)
	}
	if _, err := ensureSecrets(d); err != nil {
		t.Fatal(err)
	}
	if o := command(t, e, "token"); o.code != 0 || claimsOf(t, o.stdout)["role"] != "anon" {
		t.Errorf("after it: got %+v", o)
	}
}

func TestWrongUsageIsRefusedWithExitCode2(t *testing.T) {
	for _, args := range [][]string{
		{"token", "--role", "root"},
		{"token", "--ttl", "0s"},
		{"token", "--ttl", "tomorrow"},
		{"token", "--claims", "[1]"},
		{"token", "--claims", `{"a":1} trailing`},
		{"serv"},
		{"pub", "room", "shout", "not json"},
		{"sub", "room", "--changes", ""},
	} {
		o := command(t, env{"API_JWT_SECRET": strings.Repeat("s", 40)}, args...)
		if o.code != exitUsage || o.stdout != "" || !strings.HasPrefix(o.stderr, "realtime: ") {
			t.Errorf("%v: got %+v", args, o)
		}
	}
}

func TestConfigurationErrorsReachThePerson(t *testing.T) {
	o := command(t, env{"PORT": "http", "LOG_LEVEL": "x"}, "serve")
	if o.code != exitUsage || !strings.Contains(o.stderr, "2 variables") || !strings.Contains(o.stderr, `PORT="http"`) {
		t.Errorf("got %+v", o)
	}
}

func TestHelpAndVersionGoToStandardOutput(t *testing.T) {
	for args, want := range map[string]string{"--help": "serve", "": "serve", "token make --help": "--role", "version": "realtime "} {
		o := command(t, nil, strings.Fields(args)...)
		if o.code != 0 || !strings.Contains(o.stdout, want) || o.stderr != "" {
			t.Errorf("%q: got %+v", args, o)
		}
		if strings.Contains(o.stdout, "gen ") {
			t.Errorf("%q shows the hidden command", args)
		}
	}
}

func TestDBURLStartsNothing(t *testing.T) {
	o := command(t, nil, "db", "url")
	if o.code != exitFailed || o.stdout != "" || !strings.Contains(o.stderr, "no server runs") {
		t.Errorf("nothing runs: got %+v", o)
	}
	o = command(t, env{
		"DB_HOST": "db.example.com", "DB_PASSWORD": "p w/%", "DB_ENC_KEY": "supabaserealtime", "DB_SSL": "true",
	}, "db", "url")
	if o.code != 0 || !strings.HasPrefix(o.stdout, "postgres") || !strings.Contains(o.stdout, "@db.example.com:5432/postgres") {
		t.Errorf("DB_HOST is set: got %+v", o)
	}
	d := dataDir(t.TempDir())
	st := &state{PID: os.Getpid(), Database: "postgres://u:p@127.0.0.1:1/postgres"}
	if err := writeState(d, st); err != nil {
		t.Fatal(err)
	}
	o = command(t, env{"REALTIME_DATA_DIR": string(d)}, "db", "url")
	if o.code != exitFailed || !strings.Contains(o.stderr, "is gone") {
		t.Errorf("the database is gone: got %+v", o)
	}
}

func TestSubscriberTellsEachEventInOneLine(t *testing.T) {
	for _, c := range []struct {
		event, payload string
		want           []string
	}{
		{"broadcast", `{"type":"broadcast","event":"shout","payload":{"a":1}}`, []string{`broadcast shout {"a":1}`}},
		{
			"presence_diff", `{"joins":{"ada":{"metas":[{"phx_ref":"x","at":"desk"}]}},"leaves":{"bob":{"metas":[{"phx_ref":"y"}]}}}`,
			[]string{`presence leave bob {}`, `presence join ada {"at":"desk"}`},
		},
		{"presence_state", `{"b":{"metas":[{}]},"a":{"metas":[{},{}]}}`, []string{"presence here a {}", "presence here a {}", "presence here b {}"}},
		{"presence_state", `{}`, nil},
		{
			"postgres_changes", `{"ids":[1],"data":{"type":"UPDATE","schema":"public","table":"t","record":{"id":1},"old_record":{"id":1},"errors":null}}`,
			[]string{`UPDATE public.t {"id":1} old {"id":1}`},
		},
		{
			"postgres_changes", `{"ids":[1],"data":{"type":"INSERT","schema":"public","table":"t","record":{},"errors":["Error 401: Unauthorized"]}}`,
			[]string{`INSERT public.t {} error Error 401: Unauthorized`},
		},
		{"system", `{"status":"ok","message":"Subscribed to PostgreSQL"}`, []string{"system ok Subscribed to PostgreSQL"}},
		{"phx_reply", `{"status":"ok","response":{}}`, nil},
		{"phx_close", `{}`, []string{"closed"}},
		{"novel", `{"x":1}`, []string{`novel {"x":1}`}},
	} {
		got := describe(client.Event{Event: c.event, Payload: []byte(c.payload)})
		if d := cmp.Diff(got, c.want); d != "" {
			t.Errorf("%s %s (-got +want):\n%s", c.event, c.payload, d)
		}
	}
}

func TestSubscriberAddressFollowsFlagStateAndPort(t *testing.T) {
	d := dataDir(t.TempDir())
	c := mustLoad(t, env{"REALTIME_DATA_DIR": string(d), "PORT": "4321"})
	check := func(flag, want string) {
		t.Helper()
		if got := (&channelFlags{URL: flag}).address(c); got != want {
			t.Errorf("--url=%q: got %q; want %q", flag, got, want)
		}
	}
	check("", "http://localhost:4321")
	check("wss://h:1/realtime/v1", "wss://h:1/realtime/v1")
	if err := writeState(d, &state{PID: os.Getpid(), URL: "http://localhost:5555"}); err != nil {
		t.Fatal(err)
	}
	check("", "http://localhost:5555")
}

func TestClaimsThatNobodyMadeAreNotSaidToHold(t *testing.T) {
	o := command(t, env{}, "bench", "claims", "--only", "no-such-claim")
	if o.code != exitUsage || !strings.Contains(o.stderr, "no-such-claim") || o.stdout != "" {
		t.Errorf("got %+v", o)
	}
}
