package main

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	yaml "github.com/oasdiff/yaml3"

	"realtime/postgres/pgtest"
	"realtime/tenancy"
)

// composeFile is what we look at of deploy/compose.yml.
type composeFile struct {
	Services map[string]struct {
		Environment map[string]string
		Ports       []string
		Build       struct{ Context, Dockerfile string }
		DependsOn   map[string]any `yaml:"depends_on"`
		Healthcheck struct{ Test []string }
	}
	Volumes map[string]any
}

var variable = regexp.MustCompile(`\$\{(\w+)(:\?[^}]*)?\}`)

// readCompose reads the file with the variables that its first lines ask for.
func readCompose(t *testing.T, given map[string]string) composeFile {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repoRoot(t), "deploy/compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(text), "name:")
	filled := variable.ReplaceAllStringFunc(string(text), func(v string) string {
		name := variable.FindStringSubmatch(v)[1]
		if given[name] == "" || !strings.Contains(head, " "+name+"=") {
			t.Errorf("%s is not said to be needed", name)
		}
		return given[name]
	})
	var f composeFile
	if err := yaml.Unmarshal([]byte(filled), &f); err != nil {
		t.Fatal(err)
	}
	return f
}

// TestComposeFileFitsTheServer: with the file's variables a server starts without a word of warning, and its health check is
// answered; with another tenant's name it is not.
func TestComposeFileFitsTheServer(t *testing.T) {
	secret := strings.Repeat("s", 40)
	key, err := tenancy.Sign([]byte(secret), map[string]any{"role": "anon", "exp": time.Now().Add(time.Hour).Unix()})
	if err != nil {
		t.Fatal(err)
	}
	f := readCompose(t, map[string]string{"POSTGRES_PASSWORD": "a password of the test", "JWT_SECRET": secret, "METRICS_JWT_SECRET": strings.Repeat("m", 40), "DB_ENC_KEY": "1234567890123456", "ANON_KEY": key})
	s := f.Services["realtime"]
	for name := range s.DependsOn {
		if len(f.Services[name].Healthcheck.Test) == 0 {
			t.Errorf("%s is waited for and has no health check", name)
		}
	}
	if got := s.Environment["DB_HOST"]; f.Services[got].Environment["POSTGRES_PASSWORD"] != s.Environment["DB_PASSWORD"] {
		t.Errorf("%s has another password", got)
	}
	lookup := func(name string) (string, bool) { v, ok := s.Environment[name]; return v, ok }
	c, err := Load(lookup)
	if err != nil {
		t.Fatal(err)
	}
	for name := range s.Environment {
		if !c.given[name] {
			t.Errorf("%s is no setting", name)
		}
	}
	if port := s.Environment["PORT"]; len(s.Ports) != 1 || !strings.HasSuffix(s.Ports[0], ":"+port) {
		t.Errorf("ports %q, the server listens on %s", s.Ports, port)
	}
	if _, err := os.Stat(filepath.Join(repoRoot(t), "deploy", s.Build.Context, s.Build.Dockerfile)); err != nil {
		t.Error(err)
	}
	askHealth(t, s.Environment, s.Healthcheck.Test)
}

// askHealth starts a server with an environment, on a database that is there, and asks what the health check asks.
func askHealth(t *testing.T, environment map[string]string, check []string) {
	t.Helper()
	db, e := pgtest.DB(t), env{"REALTIME_DATA_DIR": t.TempDir()}
	maps.Copy(e, environment)
	e["PORT"], e["DB_HOST"], e["DB_PORT"], e["DB_USER"], e["DB_PASSWORD"], e["DB_NAME"] = freePort(t), db.Host, fmt.Sprint(db.Port), db.User, db.Password.Reveal(), db.Database
	running := start(t, e, false, "serve")
	running.see("realtime is ready")
	at, err := url.Parse(check[len(check)-1])
	if err != nil || at.Port() != environment["PORT"] {
		t.Fatalf("health check at %v, %v", at, err)
	}
	name, value, _ := strings.Cut(check[len(check)-2], ": ")
	head := func(path string) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodHead, "http://127.0.0.1:"+e["PORT"]+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = at.Host
		r.Header.Set(name, value)
		res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return res.StatusCode
	}
	if got := head(at.Path); got != http.StatusOK {
		t.Errorf("health check: %d, want 200", got)
	}
	if got := head("/api/tenants/nobody/health"); got < 400 {
		t.Errorf("health check of nobody: %d", got)
	}
	if got := running.errs.String(); strings.Contains(got, `"configuration"`) {
		t.Errorf("a warning: %s", got)
	}
	running.stop()
}

// TestImageIsMadeWithOurGo, and its links are names that the program answers to.
func TestImageIsMadeWithOurGo(t *testing.T) {
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(repoRoot(t), name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read("go.mod"))
	file := read("deploy/Dockerfile")
	if len(version) != 2 || !strings.Contains(file, "FROM golang:"+version[1]+" ") {
		t.Errorf("go.mod asks for %q", version)
	}
	for _, name := range []string{"server", "migrate"} {
		if !strings.Contains(file, " "+name) {
			t.Errorf("no link %s", name)
		}
	}
}
