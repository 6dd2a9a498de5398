package authz

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"realtime/postgres/pgtest"
	"realtime/protocol/codes"
)

// vector is one recorded scenario of the original: policies, who asks, and what was decided.
type vector struct {
	ID      string
	Setup   []string
	Topic   string
	Claims  json.RawMessage
	Headers map[string]string
	Expect  struct{ Read, Write outcome }
}

type outcome struct {
	Broadcast, Presence bool
	Error               string
	PG                  struct{ SQLState, Message string }
}

// Roles belong to the server of all tests in this package, so they may be there.
var vectorPreamble = []string{
	`do $$ begin create role reporting nologin noinherit; exception when duplicate_object then null; end $$`,
	`do $$ begin create role "AppUser" nologin noinherit; exception when duplicate_object then null; end $$`,
	`grant usage on schema public to reporting, "AppUser"`,
	`alter default privileges in schema public revoke select, insert, update, delete on tables from anon, authenticated, service_role`,
}

func readVectors(t *testing.T) (list []vector) {
	t.Helper()
	f, err := os.Open("testdata/vectors.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var v vector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		list = append(list, v)
	}
	if len(list) != 28 {
		t.Fatalf("got %d vectors, want 28", len(list))
	}
	return list
}

// TestVectors replays what the original decided.
func TestVectors(t *testing.T) {
	db := tenant(t, vectorPreamble...)
	conn := pgtest.Conn(t, db)
	c := cache(t, db, 2)
	for _, v := range readVectors(t) {
		t.Run(v.ID, func(t *testing.T) {
			pgtest.Exec(t, db, v.Setup...)
			t.Cleanup(func() {
				pgtest.Exec(t, db, `do $$ declare p record; begin
					for p in select polname from pg_policy where polrelid = 'realtime.messages'::regclass loop
						execute format('drop policy %I on realtime.messages', p.polname);
					end loop; end $$`, `drop table if exists public.az_members, public.az_secret`)
			})
			var claims struct{ Role, Sub string }
			if err := json.Unmarshal(v.Claims, &claims); err != nil {
				t.Fatal(err)
			}
			r := &Request{Topic: v.Topic, Role: claims.Role, Subject: claims.Sub, Claims: string(v.Claims), Headers: v.Headers, Fresh: true}
			g := ask(t, c, r)
			compare(t, g, v.Expect.Read, ReadBroadcast, ReadPresence)
			compare(t, g, v.Expect.Write, WriteBroadcast, WritePresence)
			if n := stored(t, conn); n != 0 {
				t.Errorf("%d rows are left in realtime.messages", n)
			}
		})
	}
}

func compare(t *testing.T, g *Grants, want outcome, broadcast, presence Decision) {
	t.Helper()
	if want.Error != "" {
		f := g.Err(broadcast, presence)
		if f == nil || f.Code != codes.RlsPolicyError {
			t.Fatalf("%s: got %v, want %s", broadcast, f, want.Error)
		}
		e, ok := errors.AsType[*pgconn.PgError](f)
		if !ok || e.Code != want.PG.SQLState || e.Message != want.PG.Message {
			t.Errorf("%s: got %v, want %s %q", broadcast, f, want.PG.SQLState, want.PG.Message)
		}
	} else if f := g.Err(broadcast, presence); f != nil {
		t.Errorf("%s: got %v", broadcast, f)
	}
	if got := g.May(broadcast); got != want.Broadcast {
		t.Errorf("%s: got %t, want %t", broadcast, got, want.Broadcast)
	}
	if got := g.May(presence); got != want.Presence {
		t.Errorf("%s: got %t, want %t", presence, got, want.Presence)
	}
}
