package pgtest_test

import (
	"testing"
	"time"

	"realtime/postgres/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestEachTestHasItsOwnDatabase(t *testing.T) {
	began := time.Now()
	a := pgtest.DB(t)
	t.Log("first", time.Since(began))
	began = time.Now()
	b := pgtest.DB(t)
	t.Log("second", time.Since(began))
	pgtest.Exec(t, a, "create table only_a (x int)")
	pgtest.Exec(t, b, "create table only_a (x int)")
	if a.Database == b.Database {
		t.Fatalf("both databases are %s", a.Database)
	}
}
