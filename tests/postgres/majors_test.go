package postgres

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"realtime/postgres"
	"realtime/postgres/embedded"
	"realtime/postgres/pgtest"
)

// TestMain: the machine's own server is the one of pgtest, for the tests that need one version only.
func TestMain(m *testing.M) { pgtest.Main(m) }

// majors are the versions besides the machine's own.
var majors = []string{"14", "16", "17", "18"}

// startLimit bounds the start of a server on a loaded machine.
const startLimit = 2 * time.Minute

// cluster is a running server whose roles nobody else uses.
type cluster struct {
	version  string
	settings postgres.Settings // the superuser's
}

func TestMajors(t *testing.T) {
	for _, major := range append([]string{"own"}, majors...) {
		t.Run(major, func(t *testing.T) {
			t.Parallel()
			c := startCluster(t, major)
			for _, test := range []struct {
				name string
				run  func(*testing.T, *cluster)
			}{
				{"role without superuser", installsWithoutSuperuser}, // first: it needs a cluster without our roles
				{"role that may create roles", installsWithCreateRole},
				{"two databases at once", installsInTwoDatabases},
				{"send vectors", answersSendVectors},
				{"plan by hand", planByHand},
				{"partitions", keepsPartitions},
				{"changes", carriesChanges},
			} {
				t.Run(test.name, func(t *testing.T) { test.run(t, c) })
			}
		})
	}
}

// startCluster starts a server with its own data directory, stopped at the end of the test.
func startCluster(t *testing.T, major string) *cluster {
	t.Helper()
	o := embedded.Options{Fast: true}
	if major != "own" {
		o.BinDir = binaries(t, major)
	}
	dir, err := os.MkdirTemp("", "realtime-majors-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil { // the user that Postgres runs as must pass
		t.Fatal(err)
	}
	o.DataDir = filepath.Join(dir, "pg")
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	server, err := embedded.Start(ctx, o)
	if err != nil {
		t.Fatalf("start Postgres %s: %v", major, err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), startLimit)
		defer cancel()
		if err := server.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	s, err := postgres.ParseURL(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	return &cluster{version: version(t, s), settings: s}
}

func version(t *testing.T, s postgres.Settings) string {
	t.Helper()
	var v string
	if err := pgtest.Conn(t, s).QueryRow(t.Context(), "show server_version").Scan(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// binaries is where the npm package for this machine keeps initdb and postgres.
func binaries(t *testing.T, major string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("needs the npm packages")
	}
	arch := strings.Replace(runtime.GOARCH, "amd64", "x64", 1)
	name := runtime.GOOS + "-" + arch + "-" + major
	bin, err := filepath.Abs(filepath.Join("node_modules", name, "native", "bin"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(bin, "postgres")); err != nil {
		t.Skipf("Postgres %s is not here: there is no npm package %s in tests/postgres/node_modules; tests/setup.sh installs those that exist for this machine", major, name)
	}
	return bin
}

// database makes a database of the cluster, dropped at the end. Nothing is in it.
func (c *cluster) database(t *testing.T) postgres.Settings {
	t.Helper()
	s := c.settings
	s.Database = pgtest.Name(t)
	pgtest.Exec(t, c.settings, "create database "+s.Database)
	t.Cleanup(func() { pgtest.Exec(t, c.settings, "drop database "+s.Database+" with (force)") })
	return s
}

// ours are the roles that an installation makes.
var ours = []string{"anon", "authenticated", "service_role", "supabase_realtime_admin"}

// forget removes our roles from the whole cluster, with what the seed of the superuser's database granted them.
func (c *cluster) forget(t *testing.T) {
	t.Helper()
	conn := pgtest.Conn(t, c.settings)
	for _, role := range ours {
		var found bool
		if err := conn.QueryRow(t.Context(), "select to_regrole($1) is not null", role).Scan(&found); err != nil {
			t.Fatal(err)
		}
		if found {
			pgtest.Exec(t, c.settings, "drop owned by "+role+" cascade", "drop role "+role)
		}
	}
}

// login makes a role that may log in and returns its settings for the database.
func (c *cluster) login(t *testing.T, s postgres.Settings, attributes string) postgres.Settings {
	t.Helper()
	s.User, s.Password = pgtest.Name(t), "secret"
	pgtest.Exec(t, c.settings, "create role "+s.User+" login password 'secret' "+attributes)
	return s
}
