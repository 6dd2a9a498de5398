package authz

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"realtime/postgres"
	"realtime/postgres/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// tenant makes a database with the schema realtime, and runs setup in it.
func tenant(t testing.TB, setup ...string) postgres.Settings {
	t.Helper()
	db := pgtest.DB(t)
	if _, err := postgres.PrepareTenant(t.Context(), pgtest.Conn(t, db), time.Now()); err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, db, setup...)
	return db
}

// cache makes a cache over a pool of the given size.
func cache(t testing.TB, db postgres.Settings, size int) *Cache {
	t.Helper()
	pool, err := postgres.OpenPool(t.Context(), db, size)
	if err != nil {
		t.Fatal(err)
	}
	life, end := context.WithCancel(context.Background())
	t.Cleanup(func() {
		end()
		pool.Close()
	})
	return New(life, func(context.Context) (*postgres.Pool, error) { return pool, nil })
}

// ask checks a request and expects an answer.
func ask(t testing.TB, c *Cache, r *Request) *Grants {
	t.Helper()
	g, err := c.Check(t.Context(), r)
	if err != nil {
		t.Fatalf("check %s: %v", r.Topic, err)
	}
	return g
}

const (
	alice = "11111111-1111-4111-8111-111111111111"
	bob   = "22222222-2222-4222-8222-222222222222"
)

// as is a request of a user in the role authenticated.
func as(sub, topic string) *Request {
	return &Request{Topic: topic, Role: "authenticated", Subject: sub, Claims: `{"role":"authenticated","sub":"` + sub + `"}`}
}

// may spells out what is allowed: the extensions one may read, a bar, those one may write.
func may(g *Grants) string {
	var read, write []string
	for _, d := range All() {
		switch {
		case !g.May(d):
		case d.Reads():
			read = append(read, d.Extension())
		default:
			write = append(write, d.Extension())
		}
	}
	return strings.Join(read, ",") + "|" + strings.Join(write, ",")
}

// stored counts the rows of realtime.messages.
func stored(t testing.TB, conn *pgx.Conn) (n int) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), "select count(*) from realtime.messages").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
