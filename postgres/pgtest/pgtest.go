package pgtest

import (
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"realtime/postgres"
)

// Main is the body of TestMain.
func Main(m *testing.M) { os.Exit(m.Run()) }

// DB makes a fresh database for this test, dropped at its end.
func DB(t testing.TB) postgres.Settings {
	t.Helper()
	t.Fatal("unfinished")
	return postgres.Settings{}
}

// Exec runs statements on a connection of their own.
func Exec(t testing.TB, s postgres.Settings, sql ...string) {}

// Conn opens a connection that is closed at the end of the test.
func Conn(t testing.TB, s postgres.Settings) *pgx.Conn { return nil }
