package main

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"
)

// env is an environment for Load.
type env map[string]string

func (e env) lookup(name string) (string, bool) {
	v, ok := e[name]
	return v, ok
}

// environ is e as a process has it.
func (e env) environ() []string {
	var list []string
	for name, value := range e {
		list = append(list, name+"="+value)
	}
	return list
}

func mustLoad(t *testing.T, e env) *Config {
	t.Helper()
	c, err := Load(e.lookup)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAnEmptyEnvironmentIsEnough(t *testing.T) {
	c := mustLoad(t, nil)
	if c.Port != 4000 || !c.Embedded() || !c.SeedTenant() || c.TenantName() != "realtime-dev" || c.Tenant != "" {
		t.Errorf("got port %d, embedded %t, seed %t, tenant %q (%q)", c.Port, c.Embedded(), c.SeedTenant(), c.TenantName(), c.Tenant)
	}
	if c.JoinPause != 5*time.Second || c.NoChannelTimeout != 10*time.Minute || c.LogLevel != slog.LevelInfo {
		t.Errorf("got join pause %s, no-channel timeout %s, log level %s", c.JoinPause, c.NoChannelTimeout, c.LogLevel)
	}
	if c.Limits.EventsPerSecond != nil || c.PresenceCalls != nil {
		t.Error("limits that nobody set are in force")
	}
}

// TestEmptyCountsAsUnset: compose files pass empty values for what is not set.
func TestEmptyCountsAsUnset(t *testing.T) {
	e := env{}
	for _, sec := range sections {
		for _, s := range sec.settings {
			e[s.name] = "  "
		}
	}
	c := mustLoad(t, e)
	if c.Port != 4000 || !c.Embedded() || !c.SeedTenant() {
		t.Errorf("got port %d, embedded %t, seed %t", c.Port, c.Embedded(), c.SeedTenant())
	}
}

func TestStockComposeFileIsAccepted(t *testing.T) {
	c := mustLoad(t, env{
		"PORT": "4000", "DB_HOST": "db", "DB_PORT": "5432", "DB_USER": "supabase_admin", "DB_PASSWORD": "your-super-secret",
		"DB_NAME": "postgres", "DB_AFTER_CONNECT_QUERY": "SET search_path TO _realtime", "DB_ENC_KEY": "supabaserealtime",
		"API_JWT_SECRET": "your-super-secret-jwt-token-with-at-least-32-characters-long", "SECRET_KEY_BASE": "x", "METRICS_JWT_SECRET": "y",
		"ERL_AFLAGS": "-proto_dist inet_tcp", "DNS_NODES": "''", "RLIMIT_NOFILE": "10000", "APP_NAME": "realtime",
		"SEED_SELF_HOST": "true", "RUN_JANITOR": "true", "DISABLE_HEALTHCHECK_LOGGING": "true",
	})
	if c.Embedded() || !c.SeedTenant() || c.OpenFiles != 10000 || !c.QuietHealth {
		t.Errorf("got %+v", c)
	}
}

func TestAllMistakesAreReportedAtOnce(t *testing.T) {
	_, err := Load(env{
		"PORT": "70000", "LOG_LEVEL": "loud", "SLOT_NAME_SUFFIX": "Not-OK", "DB_HOST": "postgres://u:pw@h/db", "DB_SSL": "maybe",
		"CONNECT_ERROR_BACKOFF_MS": "2s", "API_JWT_JWKS": "{", "JWT_CLAIM_VALIDATORS": "{'iss':'me'}", "TENANT_MAX_CONCURRENT_USERS": "0",
		"DB_SSL_CA_CERT": "/does/not/exist", "REALTIME_SLOT": "sticky",
	}.lookup)
	var bad *ConfigError
	if !errors.As(err, &bad) {
		t.Fatalf("got %v, want a *ConfigError", err)
	}
	var names []string
	for _, p := range bad.Problems {
		names = append(names, p.Name)
		if p.Want == "" {
			t.Errorf("%s: no want", p.Name)
		}
	}
	slices.Sort(names)
	want := []string{
		"API_JWT_JWKS", "CONNECT_ERROR_BACKOFF_MS", "DB_ENC_KEY", "DB_HOST", "DB_SSL", "DB_SSL_CA_CERT", "JWT_CLAIM_VALIDATORS",
		"LOG_LEVEL", "PORT", "REALTIME_SLOT", "SLOT_NAME_SUFFIX", "TENANT_MAX_CONCURRENT_USERS",
	}
	if !slices.Equal(names, want) {
		t.Errorf("got  %v\nwant %v", names, want)
	}
	for _, line := range []string{
		`PORT="70000"; want a whole number from 1 to 65535`,
		`LOG_LEVEL="loud"; want emergency, alert, critical, error, warning, notice, info, debug`,
		`DB_ENC_KEY is not set; want exactly 16 bytes`,
	} {
		if !strings.Contains(err.Error(), line) {
			t.Errorf("missing line %s in\n%s", line, err)
		}
	}
	if strings.Contains(err.Error(), "pw@h") {
		t.Error("a password inside DB_HOST is shown")
	}
}

func TestSecretsAreNotShownInErrors(t *testing.T) {
	const secret = "this-is-not-sixteen-bytes"
	e := env{}
	for _, sec := range sections {
		for _, s := range sec.settings {
			if s.secret {
				e[s.name] = secret
			}
		}
	}
	_, err := Load(e.lookup)
	if err == nil {
		t.Fatal("want an error: DB_ENC_KEY has the wrong length")
	}
	if strings.Contains(err.Error(), secret) {
		t.Errorf("the error shows the secret: %s", err)
	}
	if !strings.Contains(err.Error(), "DB_ENC_KEY=[secret], it has 25 bytes; want exactly 16 bytes") {
		t.Errorf("got %s", err)
	}
}

func TestKeySetsAreTakenInEveryForm(t *testing.T) {
	for given, want := range map[string]string{
		`{"keys":[{"kty":"oct"}]}`: `{"keys":[{"kty":"oct"}]}`,
		`[{"kty":"oct"}]`:          `{"keys":[{"kty":"oct"}]}`,
		`{"kty":"oct"}`:            `{"keys":[{"kty":"oct"}]}`,
	} {
		if got := mustLoad(t, env{"API_JWT_JWKS": given}).JWKS; got != want {
			t.Errorf("%s: got %s", given, got)
		}
	}
	for _, given := range []string{`{"keys":{}}`, `{}`, `"x"`, `[`} {
		if _, err := Load(env{"API_JWT_JWKS": given}.lookup); err == nil {
			t.Errorf("%s is accepted", given)
		}
	}
}

func TestTenantHostsAreAList(t *testing.T) {
	c := mustLoad(t, env{"REALTIME_TENANT_HOSTS": "A.example.com=acme, b.example.com=beta"})
	if len(c.TenantHosts) != 2 || c.TenantHosts["a.example.com"] != "acme" || c.TenantHosts["b.example.com"] != "beta" {
		t.Errorf("got %v", c.TenantHosts)
	}
	for _, given := range []string{"acme", "a=b,", "a:80=b", "https://a=b", "=b"} {
		if _, err := Load(env{"REALTIME_TENANT_HOSTS": given}.lookup); err == nil {
			t.Errorf("%s is accepted", given)
		}
	}
}

func TestLogLevelsKeepTheirOrder(t *testing.T) {
	for i := 1; i < len(logLevels); i++ {
		if logLevels[i-1].level <= logLevels[i].level {
			t.Errorf("%s is not above %s", logLevels[i-1].word, logLevels[i].word)
		}
	}
	if c := mustLoad(t, env{"LOG_LEVEL": " Warn "}); c.LogLevel != slog.LevelWarn {
		t.Errorf("warn: got %s", c.LogLevel)
	}
}

func TestSeedFollowsTheVariableThenTheDatabase(t *testing.T) {
	for _, c := range []struct {
		e    env
		want bool
	}{
		{env{}, true},
		{env{"SEED_SELF_HOST": "false"}, false},
		{env{"DB_HOST": "db", "DB_ENC_KEY": "supabaserealtime"}, false},
		{env{"DB_HOST": "db", "DB_ENC_KEY": "supabaserealtime", "SEED_SELF_HOST": "TRUE"}, true},
	} {
		if got := mustLoad(t, c.e).SeedTenant(); got != c.want {
			t.Errorf("%v: got %t", c.e, got)
		}
	}
}

func TestWarningsNameWhatHasNoEffect(t *testing.T) {
	w := mustLoad(t, env{"DB_PASSWORD": "x", "DB_ENC_WRITE_GCM": "true", "API_JWT_SECRET": "short"}).Warnings()
	for _, name := range []string{"DB_PASSWORD", "DB_ENC_WRITE_GCM", "API_JWT_SECRET"} {
		if !slices.ContainsFunc(w, func(s string) bool { return strings.HasPrefix(s, name+" ") }) {
			t.Errorf("no warning about %s in %q", name, w)
		}
	}
	shared := strings.Join(mustLoad(t, env{
		"DB_HOST": "db", "DB_ENC_KEY": "supabaserealtime", "API_JWT_SECRET": upstreamSecret, "METRICS_JWT_SECRET": upstreamSecret,
	}).Warnings(), "\n")
	for _, part := range []string{"are the same", "API_JWT_SECRET is the one in upstream's examples", "DB_ENC_KEY is the one"} {
		if !strings.Contains(shared, part) {
			t.Errorf("no warning that says %q in %q", part, shared)
		}
	}
	if strings.Contains(shared, upstreamSecret) {
		t.Error("a warning shows the secret")
	}
	if w := mustLoad(t, nil).Warnings(); len(w) > 0 {
		t.Errorf("an empty environment warns: %q", w)
	}
}

// TestTableIsComplete: every setting can be explained, and none is listed twice.
func TestTableIsComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, sec := range sections {
		for _, s := range sec.settings {
			if seen[s.name] {
				t.Errorf("%s is listed twice", s.name)
			}
			seen[s.name] = true
			if s.meaning == "" || s.value.want == "" || s.value.kind == "" {
				t.Errorf("%s lacks a meaning, a want or a kind", s.name)
			}
			if s.def != "" {
				if err := s.value.set(&Config{}, s.def); err != nil {
					t.Errorf("%s: its default %q is refused: %v", s.name, s.def, err)
				}
			}
		}
	}
}
