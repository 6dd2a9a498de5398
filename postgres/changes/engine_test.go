package changes

import (
	"testing"
)

const authenticated = "authenticated"

func TestRowsOfAnOpenTableReachTheirSubscribers(t *testing.T) {
	r := newRig(t, "create table public.notes (id int primary key, body text, done bool)", "alter publication supabase_realtime add table public.notes")
	r.subscribe("all", authenticated, `{"sub":"a"}`, `{"event":"*","schema":"public","table":"notes"}`)
	r.subscribe("inserts", authenticated, `{"sub":"a"}`, `{"event":"insert","schema":"public","table":"notes","filter":"id=eq.2"}`)
	r.subscribe("long", authenticated, `{"sub":"a"}`, `{"event":"*","schema":"public","table":"notes","filter":"body=like.h%"}`)
	r.exec("insert into public.notes values (1, 'hello', true), (2, null, false)", "update public.notes set body = 'bye' where id = 1", "delete from public.notes where id = 2")
	r.settle()
	for member, want := range map[string][]string{
		"all":     {"INSERT", "INSERT", "UPDATE", "DELETE"},
		"inserts": {"INSERT"},
		"long":    {"INSERT"},
	} {
		got := r.take(member)
		if len(got) != len(want) {
			t.Fatalf("%s got %d rows, want %d", member, len(got), len(want))
		}
		for i := range got {
			if got[i].Event != want[i] {
				t.Errorf("%s row %d: got %s, want %s", member, i, got[i].Event, want[i])
			}
			t.Logf("%s %s", member, got[i].Data)
		}
	}
}
