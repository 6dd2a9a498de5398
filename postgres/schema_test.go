package postgres_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"realtime/postgres"
	"realtime/postgres/pgtest"
	"realtime/protocol/codes"
)

func TestInstallSchemaTwice(t *testing.T) {
	s := pgtest.DB(t)
	conn := pgtest.Conn(t, s)
	now := time.Now()
	got, err := postgres.PrepareTenant(t.Context(), conn, now)
	if err != nil {
		t.Fatal(err)
	}
	if got.Schema.Foreign || !got.Schema.Messages || len(got.Schema.Done) == 0 || len(got.Partitions) != 5 {
		t.Errorf("first: %+v", got)
	}
	before := pgtest.Catalog(t, s, "realtime")
	got, err = postgres.PrepareTenant(t.Context(), conn, now)
	if err != nil || len(got.Schema.Done) != 0 || len(got.Partitions) != 0 || !got.Schema.Messages {
		t.Errorf("second: %+v, %v", got, err)
	}
	if diff := cmp.Diff(pgtest.Catalog(t, s, "realtime"), before); diff != "" {
		t.Errorf("changed (-got +want):\n%s", diff)
	}
}

// TestASchemaThatCannotBeMade: in a database whose owner somebody else is, by a role that may do nothing there.
func TestASchemaThatCannotBeMade(t *testing.T) {
	s := pgtest.DB(t)
	role := pgtest.Name(t)
	pgtest.Exec(t, s, `create role "`+role+`" login password 'x'`)
	t.Cleanup(func() { pgtest.Exec(t, s, `drop role "`+role+`"`) })
	bare := s
	bare.User, bare.Password = role, "x"
	_, err := postgres.PrepareTenant(t.Context(), pgtest.Conn(t, bare), time.Now())
	if f := codes.Of(err); f == nil || f.Code != codes.MigrationsFailedToRun {
		t.Errorf("got %v", err)
	}
}

func TestInstallSchemaByManyAtOnce(t *testing.T) {
	s := pgtest.DB(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	installed, partitions := 0, 0
	for range 6 {
		conn := pgtest.Conn(t, s)
		wg.Go(func() { // ends with its work
			got, err := postgres.PrepareTenant(t.Context(), conn, time.Now())
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			if len(got.Schema.Done) > 0 {
				installed++
			}
			partitions += len(got.Partitions)
		})
	}
	wg.Wait()
	if installed != 1 || partitions != 5 {
		t.Errorf("installed %d times, made %d partitions", installed, partitions)
	}
}
