package postgres_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"realtime/postgres"
	"realtime/tests/leaks"
)

func TestParseURL(t *testing.T) {
	for text, want := range map[string]postgres.Settings{
		"postgres://ann:s3cret@db.example.com:6543/app?sslmode=verify-full&sslrootcert=/etc/ca.pem&application_name=x&search_path=a,b": {
			Host: "db.example.com", Port: 6543, User: "ann", Password: "s3cret", Database: "app", ApplicationName: "x",
			TLS: postgres.TLS{Mode: postgres.TLSVerifyFull, CAFile: "/etc/ca.pem"}, Params: map[string]string{"search_path": "a,b"},
		},
		"postgresql://ann@[::1]/app":             {Host: "::1", User: "ann", Database: "app"},
		"postgres://ann:p%40ss%2Fw%3A@h/a%20b":   {Host: "h", User: "ann", Password: "p@ss/w:", Database: "a b"},
		"postgres:///app?host=/run/pg&user=ann":  {Host: "/run/pg", User: "ann", Database: "app"},
		"postgres://ann@%2Frun%2Fpg/app":         {Host: "/run/pg", User: "ann", Database: "app"},
		"postgres://ann@%2frun%2Fpg:77/app":      {Host: "/run/pg", Port: 77, User: "ann", Database: "app"},
		"postgres://h?user=ann&dbname=b&port=77": {Host: "h", Port: 77, User: "ann", Database: "b"},
		"postgres://ann@h/app?connect_timeout=3": {Host: "h", User: "ann", Database: "app"},
		`postgres://ann@h/app?options=-c%20search_path=a%5C%20b,c%20-cwork_mem=1MB%20--lock-timeout=5`: {
			Host: "h", User: "ann", Database: "app", Params: map[string]string{"search_path": "a b,c", "work_mem": "1MB", "lock_timeout": "5"},
		},
	} {
		got, err := postgres.ParseURL(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if d := cmp.Diff(got, want); d != "" {
			t.Errorf("%s: got (-) want (+):\n%s", text, d)
		}
	}
}

func TestParseURLRefusals(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "does not begin with postgres://",
		"mysql://ann:hunter2@h/app":           "does not begin with postgres://",
		"host=h user=ann password=hunter2":    "does not begin with postgres://",
		"postgres://ann:hunter2@h":            "no database",
		"postgres://:hunter2@h/app":           "no user",
		"postgres://ann:hunter2@/app":         "no host",
		"postgres://ann:hunt%er2@h/app":       "not a URL",
		"postgres://ann:hunt/er2@h/app":       "", // reads as port "hunt": whatever is said, not the password
		"postgres://ann:hunter2@h:0/app":      "port",
		"postgres://ann:hunter2@h:77777/app":  "port",
		"postgres://ann:hunter2@a,b/app":      "several servers",
		"postgres://ann:x@h/app?sslmode=yes":  `sslmode "yes" is none of`,
		"postgres://ann:x@h/app?service=prod": "service is not supported",
		"postgres://ann:x@h/app?sslcert=/c":   "both sslcert and sslkey",
		"postgres://ann:hunter2@h/app?a=%zz":  "after the question mark",
		"postgres://ann@h/app?options=-e":     "-c name=value",
		"postgres://ann@h/app?options=-c":     "-c name=value",
		"postgres://ann@h/app?options=-c%20a": "-c name=value",
	} {
		_, err := postgres.ParseURL(text)
		if err == nil {
			t.Errorf("%s: accepted", text)
			continue
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %q, want it to mention %q", text, err, want)
		}
		if strings.Contains(err.Error(), "hunt") {
			t.Errorf("%s: the error quotes the password: %v", text, err)
		}
	}
}

func drawSettings(r *rapid.T) postgres.Settings {
	text := rapid.StringN(1, 20, -1)
	s := postgres.Settings{
		Host:            rapid.SampledFrom([]string{"localhost", "10.0.0.1", "::1", "db.example.com", "/run/post gres", "/tmp/a%b?c"}).Draw(r, "host"),
		Port:            rapid.IntRange(1, 65535).Draw(r, "port"),
		User:            text.Draw(r, "user"),
		Password:        postgres.Secret(rapid.String().Draw(r, "password")),
		Database:        text.Draw(r, "database"),
		ApplicationName: rapid.String().Draw(r, "application"),
		TLS:             postgres.TLS{Mode: rapid.SampledFrom([]postgres.TLSMode{"", "disable", "prefer", "require", "verify-ca", "verify-full"}).Draw(r, "mode")},
	}
	if rapid.Bool().Draw(r, "with params") {
		s.Params = map[string]string{"search_path": rapid.String().Draw(r, "search_path"), "x.y": "+ &="}
	}
	return s
}

func TestURLRoundTrip(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		want := drawSettings(r)
		got, err := postgres.ParseURL(want.URL())
		if err != nil {
			r.Fatalf("%s: %v", want.URL(), err)
		}
		if d := cmp.Diff(got, want); d != "" {
			r.Fatalf("%s: got (-) want (+):\n%s", want.URL(), d)
		}
	})
}

func FuzzParseURL(f *testing.F) {
	for _, seed := range []string{"postgres://ann:s3cret@h:5432/app?sslmode=require", "postgres://a@%2Frun/app", "postgres://[::1]:5/x?user=a", "postgres://a:b:c@d/e", "postgres://u:pa#ss@h/db", `postgres://a@h/b?options=-c%20x.y=%5C%20%5C%5C`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := postgres.ParseURL(text)
		if err != nil {
			return
		}
		again, err := postgres.ParseURL(s.URL())
		if err != nil {
			t.Fatalf("%q became %q: %v", text, s.URL(), err)
		}
		if s.Port == 0 {
			s.Port = 5432 // spelled out in the URL
		}
		if d := cmp.Diff(again, s); d != "" {
			t.Fatalf("%q: got (-) want (+):\n%s", text, d)
		}
	})
}

func TestConfigOwesNothingToTheEnvironment(t *testing.T) {
	for name, value := range map[string]string{
		"PGHOST": "elsewhere", "PGPORT": "1", "PGUSER": "eve", "PGPASSWORD": "eve", "PGDATABASE": "eve", "PGAPPNAME": "eve", "PGSSLMODE": "verify-full",
		"PGOPTIONS": "-c role=eve", "PGTZ": "Asia/Tokyo", "PGTARGETSESSIONATTRS": "standby", "PGSSLROOTCERT": "/nowhere", "PGPASSFILE": "/nowhere",
		"PGCHANNELBINDING": "require", "PGREQUIREAUTH": "none", "PGSSLNEGOTIATION": "direct", "PGMINPROTOCOLVERSION": "3.2",
	} {
		t.Setenv(name, value)
	}
	s := postgres.Settings{Host: "h", User: "ann", Database: "app", TLS: postgres.TLS{Mode: postgres.TLSDisable}}
	c, err := s.Config()
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(c.Host, c.Port, c.User, c.Password, c.Database, c.RuntimeParams, c.TLSConfig, len(c.Fallbacks), c.ValidateConnect == nil,
		c.ChannelBinding, c.RequireAuth, c.SSLNegotiation, c.MinProtocolVersion)
	if want := fmt.Sprint("h", 5432, "ann", "", "app", map[string]string{}, nil, 0, true, "prefer", "", "", "3.0"); strings.ReplaceAll(got, "<nil>", "") != strings.ReplaceAll(want, "<nil>", "") {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestConfigRefusesIncompleteSettings(t *testing.T) {
	for _, s := range []postgres.Settings{
		{User: "a", Database: "b"},
		{Host: "h", Database: "b"},
		{Host: "h", User: "a"},
		{Host: "h", User: "a", Database: "b", Port: -1},
		{Host: "h", User: "a", Database: "b", TLS: postgres.TLS{Mode: "on"}},
		{Host: "h", User: "a", Database: "b", TLS: postgres.TLS{CAFile: "/no/such/file"}},
		{Host: "h", User: "a", Database: "b", TLS: postgres.TLS{CertFile: "/no/such/file", KeyFile: "/no/such/file"}},
	} {
		if c, err := s.Config(); err == nil {
			t.Errorf("%+v gave %+v", s, c)
		}
	}
}

func TestSecretIsNeverPrinted(t *testing.T) {
	const word = "hunter2"
	s := postgres.Settings{Host: "h", User: "a", Database: "b", Password: word}
	var log strings.Builder
	slog.New(slog.NewTextHandler(leaks.Watch(t, &log), nil)).Info("x", "password", s.Password, "settings", s)
	slog.New(slog.NewJSONHandler(leaks.Watch(t, &log), nil)).Info("x", "password", s.Password, "settings", s)
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&log, "%s %v %+v %#v %q %x %d %v %s", s.Password, s.Password, s, s, s.Password, s.Password, s.Password, &s, b)
	fmt.Fprintf(&log, "%X %x %v", s, &s, []postgres.Secret{s.Password})
	if strings.Contains(log.String(), word) || strings.Contains(strings.ToLower(log.String()), fmt.Sprintf("%x", word)) {
		t.Errorf("printed: %s", log.String())
	}
	if got := s.Password.Reveal(); got != word {
		t.Errorf("Reveal gave %q", got)
	}
}

func TestWithApplicationChangesACopy(t *testing.T) {
	s := postgres.Settings{ApplicationName: "a"}
	if c := s.WithApplication("b"); c.ApplicationName != "b" || s.ApplicationName != "a" {
		t.Errorf("got %q and %q", c.ApplicationName, s.ApplicationName)
	}
}
