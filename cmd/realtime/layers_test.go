package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFlagsBeatTheEnvironmentBeatsTheFile: each layer shows through where the stronger ones are empty.
func TestFlagsBeatTheEnvironmentBeatsTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "realtime.env")
	text := "# a compose file's\nPORT=1001\nAPP_NAME='from file'\nREGION=file\nLOG_LEVEL=debug\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	e := env{"REALTIME_CONFIG_FILE": file, "PORT": "1002", "REGION": "environment", "LOG_LEVEL": ""}
	o := command(t, e, "config", "show", "--origin", "--port", "1003", "--log-level=")
	if o.code != 0 {
		t.Fatalf("got %+v", o)
	}
	got := map[string]string{}
	for line := range strings.Lines(o.stdout) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), "=")
		got[name] = strings.Join(strings.Fields(rest), " ")
	}
	for name, want := range map[string]string{
		"PORT": "1003 flag", "REGION": "environment environment", "APP_NAME": "from file file " + file,
		"LOG_LEVEL": "debug file " + file, "DB_PORT": "5432 default", "DB_PASSWORD": "[secret] default",
	} {
		if got[name] != want {
			t.Errorf("%s: got %q, want %q", name, got[name], want)
		}
	}
}

func TestConfigShowMasksSecretsFromEveryLayer(t *testing.T) {
	const secret = "0123456789abcdef"
	file := filepath.Join(t.TempDir(), "realtime.env")
	if err := os.WriteFile(file, []byte("DB_PASSWORD="+secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"config", "show", "--all"}, {"config", "show", "--json"}, {"config", "check"}} {
		args = append(args, "--metrics-jwt-secret", secret)
		o := command(t, env{"API_JWT_SECRET": secret, "DB_ENC_KEY": secret, "REALTIME_CONFIG_FILE": file}, args...)
		if o.code != 0 || strings.Contains(o.stdout+o.stderr, secret) {
			t.Errorf("%v: got %+v", args, o)
		}
	}
}

func TestConfigCheckReportsEverythingAtOnce(t *testing.T) {
	o := command(t, env{"PORT": "http"}, "config", "check", "--db-ssl", "perhaps")
	if o.code != exitUsage {
		t.Errorf("got code %d", o.code)
	}
	for _, part := range []string{"2 variables", `PORT="http"; want a whole number from 1 to 65535`, `DB_SSL="perhaps"; want true, false, 1 or 0`} {
		if !strings.Contains(o.stderr, part) {
			t.Errorf("missing %q in %s", part, o.stderr)
		}
	}
}

func TestAFileThatCannotBeReadIsNamed(t *testing.T) {
	o := command(t, env{"REALTIME_CONFIG_FILE": "/does/not/exist.env"}, "config", "check")
	if o.code != exitUsage || !strings.Contains(o.stderr, "/does/not/exist.env") || !strings.Contains(o.stderr, "environment") {
		t.Errorf("got %+v", o)
	}
}

// TestStrangersAreNamedOnce: what has no effect is said, with its reason; what looks like a slip is guessed.
func TestStrangersAreNamedOnce(t *testing.T) {
	c, err := (&process{environ: env{
		"ERL_AFLAGS": "-proto_dist inet_tcp", "ERL_CRASH_DUMP_S3_KEY": "k", "GEN_RPC_TCP_SERVER_PORT": "5369", "DNS_NODES": "''",
		"JWT_SECRET": "x", "TENANT_MAX_CONCURENT_USERS": "7", "DB_HOSTNAME_OF_MINE": "x", "REALTIME_PG_BINS": "/x", "HOME": "/root", "DB_PASWORD": "x",
	}.environ}).config()
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(c.Warnings(), "\n")
	for _, part := range []string{
		"ERL_AFLAGS, ERL_CRASH_DUMP_S3_KEY: no effect here; there is no BEAM",
		"GEN_RPC_TCP_SERVER_PORT: no effect here",
		"JWT_SECRET: no effect here; no release of the server reads it any more; a tenant's tokens are verified with API_JWT_SECRET",
		"TENANT_MAX_CONCURENT_USERS is not a setting; did you mean TENANT_MAX_CONCURRENT_USERS?",
		"REALTIME_PG_BINS is not a setting; did you mean REALTIME_PG_BIN?",
		"DB_PASWORD is not a setting; did you mean DB_PASSWORD?",
		"DB_HOSTNAME_OF_MINE is not a setting",
	} {
		if strings.Count(all, part) != 1 {
			t.Errorf("want %q once in\n%s", part, all)
		}
	}
	for _, name := range []string{"DNS_NODES", "HOME"} {
		if strings.Contains(all, name) {
			t.Errorf("%s is warned about:\n%s", name, all)
		}
	}
}

// TestNothingIsBothReadAndIdle: a variable that gets a meaning leaves the list of those without.
func TestNothingIsBothReadAndIdle(t *testing.T) {
	for _, sec := range sections {
		for _, s := range sec.settings {
			if why := idleReason(s.name); why != "" {
				t.Errorf("%s is read, and listed as idle: %s", s.name, why)
			}
		}
	}
}

func TestErrorsExplainsEveryCode(t *testing.T) {
	for args, want := range map[string]string{
		"":                         "TenantNotFound",
		"tenantnotfound":           "Do",
		"UnableToIncrementCounter": "never given by this server",
	} {
		o := command(t, nil, append([]string{"errors"}, strings.Fields(args)...)...)
		if o.code != 0 || !strings.Contains(o.stdout, want) {
			t.Errorf("errors %s: got %+v", args, o)
		}
	}
	if o := command(t, nil, "errors", "TenantNotFond"); o.code != exitUsage || !strings.Contains(o.stderr, "did you mean TenantNotFound?") {
		t.Errorf("got %+v", o)
	}
}
