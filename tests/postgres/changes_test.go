package postgres

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"realtime/postgres"
	"realtime/postgres/changes"
	"realtime/postgres/pgtest"
	"realtime/postgres/wal"
	"realtime/protocol"
)

// patience bounds the wait for what must come.
const patience = 30 * time.Second

// carriesChanges: one insert, update and delete under a policy, from pgoutput to the one subscriber who may see them.
func carriesChanges(t *testing.T, c *cluster) {
	s := c.database(t)
	if _, err := postgres.PrepareTenant(t.Context(), pgtest.Conn(t, s), time.Now()); err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, s, `create table public.notes (id int primary key, owner text, at timestamptz default '2024-02-29 12:00+00', tags text[])`,
		`alter table public.notes enable row level security`, `grant select on public.notes to authenticated`,
		`create policy own on public.notes for select to authenticated using (owner = current_setting('request.jwt.claims', true)::jsonb ->> 'sub')`,
		`create publication supabase_realtime for table public.notes`)
	got := startEngine(t, s, map[string]string{"ada": `{"role":"authenticated","sub":"ada"}`, "bob": `{"role":"authenticated","sub":"bob"}`})
	ada := `{"id":1,"owner":"ada","at":"2024-02-29T12:00:00+00:00","tags":["x","y"]}`
	untagged := `{"id":1,"owner":"ada","at":"2024-02-29T12:00:00+00:00","tags":null}`
	for _, step := range []struct {
		sql  string
		want []change
	}{
		{"insert into public.notes values (1, 'ada', default, '{x,y}')", []change{{"ada", "INSERT", ada}}},
		{"insert into public.notes values (2, 'bob')", []change{{"bob", "INSERT", `{"id":2,"owner":"bob","at":"2024-02-29T12:00:00+00:00","tags":null}`}}},
		{"update public.notes set tags = null where id = 1", []change{{"ada", "UPDATE", untagged}}},
		{"delete from public.notes where id = 1", []change{{"ada", "DELETE", ""}, {"bob", "DELETE", ""}}},
	} {
		pgtest.Exec(t, s, step.sql) // each by itself, because a policy is asked about the row as it is now
		for _, want := range step.want {
			select {
			case g := <-got[want.member]:
				if g.event != want.event || want.record != "" && !sameJSON(t, g.record, want.record) {
					t.Errorf("%s got %s %s, want %s %s", want.member, g.event, g.record, want.event, want.record)
				}
			case <-time.After(patience):
				t.Fatalf("%s waits for %s", want.member, want.event)
			}
		}
	}
}

type change struct{ member, event, record string }

// startEngine streams the database's changes to members, each with its claims, until the test ends. All are live when it
// returns.
func startEngine(t *testing.T, s postgres.Settings, members map[string]string) map[string]chan change {
	t.Helper()
	got := map[string]chan change{}
	live := make(chan changes.Answer, len(members))
	for m := range members {
		got[m] = make(chan change, 16)
	}
	engine := changes.New(changes.Options{
		Settings: s, Publication: "supabase_realtime", Answer: func(a changes.Answer) { live <- a },
		Deliver: func(_ any, rows []changes.Delivery) {
			for _, d := range rows {
				var data struct{ Record json.RawMessage }
				if err := json.Unmarshal(d.Data, &data); err != nil {
					t.Error(err)
				}
				for _, to := range d.To {
					got[to.Member.(string)] <- change{to.Member.(string), d.Event, string(data.Record)}
				}
			}
		},
		Notice: func(m any, text string) { t.Errorf("%v is told: %s", m, text) },
	})
	ctx, cancel := context.WithCancel(context.Background())
	opening, done := context.WithTimeout(ctx, patience)
	defer done()
	stream, err := wal.Open(opening, wal.Options{Settings: s, Slot: pgtest.Name(t), Publication: "supabase_realtime"})
	if err != nil {
		t.Fatal(err)
	}
	rows := make(chan *wal.Tx, 16)
	var running sync.WaitGroup
	running.Go(func() { _ = stream.Run(ctx, rows) })                   // ends with ctx
	running.Go(func() { _ = engine.Run(ctx, rows, func(*wal.Tx) {}) }) // ends with ctx
	t.Cleanup(func() {
		cancel()
		running.Wait()
		closing, done := context.WithTimeout(context.Background(), patience)
		defer done()
		if err := stream.Close(closing); err != nil {
			t.Log(err)
		}
	})
	join, err := protocol.ParseJoin([]byte(`{"config":{"postgres_changes":[{"event":"*","schema":"public","table":"notes"}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	for m, claims := range members {
		engine.Subscribe(&changes.Subscription{Member: m, Group: "all", Role: "authenticated", Claims: claims, Entries: join.Changes})
		select {
		case a := <-live:
			if a.Err != nil {
				t.Fatal(a.Err)
			}
		case <-time.After(patience):
			t.Fatal("a subscription does not become live")
		}
	}
	return got
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	if err := json.Unmarshal([]byte(a), &x); err != nil {
		t.Fatalf("%s: %v", a, err)
	}
	if err := json.Unmarshal([]byte(b), &y); err != nil {
		t.Fatal(err)
	}
	one, err1 := json.Marshal(x)
	two, err2 := json.Marshal(y)
	return err1 == nil && err2 == nil && string(one) == string(two)
}
