package messages

import (
	"context"
	"testing"
	"time"

	"realtime/postgres"
	"realtime/postgres/pgtest"
	"realtime/protocol"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// database makes one with the schema, and a pool on it.
func database(t *testing.T) (postgres.Settings, *postgres.Pool) {
	t.Helper()
	s := pgtest.DB(t)
	if _, err := postgres.PrepareTenant(t.Context(), pgtest.Conn(t, s), time.Now()); err != nil {
		t.Fatal(err)
	}
	pool, err := postgres.OpenPool(t.Context(), s, 2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return s, pool
}

// replayed asks for the messages of a topic and gives their events and payloads.
func replayed(t *testing.T, pool *postgres.Pool, topic string, since time.Time, limit int) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	found, err := Replay(ctx, pool, topic, since, limit, nil)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, b := range found.Messages {
		if b.ID == "" || !b.Replayed || b.Form == protocol.FormPayload {
			t.Errorf("%+v", b)
		}
		out = append(out, string(b.Event)+" "+string(b.Payload))
	}
	return out
}
