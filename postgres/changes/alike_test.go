package changes

import (
	"fmt"
	"testing"

	"realtime/postgres/pgtest"
)

const opaqueMe = "create function public.me() returns uuid language plpgsql stable as $$ begin return auth.uid(); end $$"

// TestRowsAlikeAreDecidedTogether: policies of unknown functions are asked about one of those rows that do not differ where
// they look; each row is still its own, superseded or not.
func TestRowsAlikeAreDecidedTogether(t *testing.T) {
	t.Parallel()
	const all = "grant select on public.docs to authenticated"
	for name, grant := range map[string]string{
		"by place": all,
		"by key":   "revoke select on public.docs from authenticated; grant select (id, owner, body) on public.docs to authenticated",
	} {
		for _, policy := range []string{"owner = public.me()", "owner = (select public.me())", "owner = public.me() and docs is not null"} {
			t.Run(name+" "+policy, func(t *testing.T) {
				t.Parallel()
				r := newDocs(t, opaqueMe, grant, "alter policy own on public.docs using ("+policy+")")
				r.exec("begin; insert into public.docs select g, case when g % 2 = 0 then '" + userA + "' else '" + userB + "' end::uuid, 'x' from generate_series(1, 5) g; " +
					"insert into public.docs values (6, null, 'x'), (7, '" + userA + "', 'long'); " +
					"update public.docs set body = body where id = 3; update public.docs set owner = '" + userB + "' where id = 2; " +
					"delete from public.docs where id = 5; commit")
				r.settle()
				row := func(op string, id int, owner, body string) string {
					line := fmt.Sprintf(`%s {"id":%d,"owner":"%s","body":"%s"}`, op, id, owner, body)
					if op == "UPDATE" {
						line += fmt.Sprintf(` was {"id":%d}`, id)
					}
					return line
				}
				r.expect("A", row("INSERT", 4, userA, "x"), row("INSERT", 7, userA, "long"), `DELETE was {"id":5}`)
				r.expect("B", row("INSERT", 1, userB, "x"), row("INSERT", 3, userB, "x"), row("UPDATE", 3, userB, "x"), row("UPDATE", 2, userB, "x"), `DELETE was {"id":5}`)
			})
		}
	}
}

// TestRowReownedWhileItIsAskedAboutStaysWithItsOwner: between the questions about two principals a subscription is served
// and the snapshot becomes a later one, in which the row is somebody else's.
func TestRowReownedWhileItIsAskedAboutStaysWithItsOwner(t *testing.T) {
	t.Parallel()
	r := newDocs(t, "create function public.me() returns uuid language plpgsql stable as $$ begin "+
		"perform pg_advisory_lock_shared(7), pg_advisory_unlock_shared(7); return auth.uid(); end $$",
		"alter policy own on public.docs using (owner = (select public.me()))",
		"revoke select on public.docs from authenticated; grant select (id, owner, body) on public.docs to authenticated") // by key: no place outlives an update
	lock := pgtest.Conn(t, r.s)
	sql := func(q string) {
		t.Helper()
		if _, err := lock.Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	r.exec("insert into public.docs values (1, '" + userA + "', 'first')")
	r.settle()
	r.take("A")
	release := r.hold()
	for _, p := range r.engine.catalog.tables[r.engine.subscribers["A"].entries[0].table.oid].plans {
		p.pace = 1 // the Engine waits
	}
	sql("select pg_advisory_lock(7)")
	r.exec("insert into public.docs values (2, '" + userA + "', 'secret of A')")
	release()
	for waits := false; !waits; { // rereadLimit is its deadline: should the Engine give up first, it asks again
		if err := lock.QueryRow(t.Context(), "select exists (select from pg_locks where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database()))").Scan(&waits); err != nil {
			t.Fatal(err)
		}
	}
	r.exec("update public.docs set owner = '" + userB + "' where id = 2")
	r.engine.Subscribe(&Subscription{Member: "C", Group: "all", Role: authenticated, Claims: claimsOf(userA), Entries: entries(t, allOfDocs)})
	sql(fmt.Sprintf("select pg_sleep(%g)", (2 * sliceTime).Seconds()))
	sql("select pg_advisory_unlock(7)")
	r.settle()
	for _, line := range r.events("B") {
		if line != `UPDATE {"id":2,"owner":"`+userB+`","body":"secret of A"} was {"id":2}` {
			t.Errorf("B got %s", line)
		}
	}
}
