package changes

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"realtime/postgres/pgtest"
)

// TestDecisionsAreThoseOfPostgres pushes rows through a real stream and Engine under adversarial policies, and compares
// who gets them with a fresh statement that reads the one row, as that role with those claims.
func TestDecisionsAreThoseOfPostgres(t *testing.T) {
	r := newRig(t, advObjects...)
	oracle := pgtest.Conn(t, r.s)
	asked, shown := 0, 0
	for _, c := range policyCases {
		t.Run(c.name, func(t *testing.T) {
			d := differential{t: t, r: r, oracle: oracle, c: c}
			d.run()
			asked, shown = asked+d.asked, shown+d.shown
		})
	}
	t.Logf("%d decisions in %d cases compared, of them %d to show", asked, len(policyCases), shown)
	if asked < 8000 || shown < 1000 {
		t.Errorf("got %d decisions and %d to show: the cases do not test what they should", asked, shown)
	}
}

// differential is one case on its way.
type differential struct {
	t            *testing.T
	r            *rig
	oracle       *pgx.Conn
	c            policyCase
	asked, shown int
}

const advTable = `create table adv.t (id int primary key, uid uuid, room int, own text, txt text, ci text collate adv.ci, bp char(10), num numeric,
	fl float8, ts timestamptz, gen int generated always as (id * 2) stored, uids uuid[], tags text[], dom adv.d)`

const advRows = `insert into adv.t (id, uid, room, own, txt, ci, bp, num, fl, ts, uids, tags, dom) values
	(1, '` + userA + `', 1, 'authenticated', 'hello', 'ab', 'ab', 1.00, 'NaN', '2021-01-01 00:00+02', '{` + userA + `}', '{x,y}', 'x'),
	(2, '` + userB + `', 2, 'anon', E'he"l,l(o)\\ \u2028', 'AB', 'ab   c', 1, '-0', '2019-01-01', '{` + userB + `,` + userA + `}', '{}', 'x'),
	(3, null, null, null, null, null, null, null, null, null, null, null, null),
	(4, '` + userB + `', 1, 'r_member', '', 'Ab', ' ab', 'NaN', 'inf', 'infinity', '{}', '{x}', ''),
	(5, '` + userA + `', null, session_user, 'NULL', 'x', 'AB', -1e-30, 1e300, '-infinity', '{NULL}', '{NULL,"a b"}', 'NULL')`

const advCount = 5

func (d *differential) run() {
	r := d.r
	r.exec("drop table if exists adv.t cascade; drop policy if exists pm on adv.m; alter table adv.m disable row level security; grant usage on schema adv to public",
		advTable, "alter table adv.t enable row level security; grant select on adv.t to public, authenticated, anon, service_role",
		"alter publication supabase_realtime add table adv.t")
	if d.c.sql != "" {
		r.exec(d.c.sql)
	}
	var members []string
	for _, role := range d.c.roles {
		for i, claims := range claimsCases {
			member := fmt.Sprintf("%s/%d", role, i)
			members = append(members, member)
			r.subscribe(member, role, claims, `{"event":"*","schema":"adv","table":"t"}`)
		}
	}
	r.exec(advRows)
	r.settle()
	d.compare("INSERT")
	r.exec("update adv.t set txt = txt where id in (2, 4); update adv.t set num = num where id in (1, 3, 5)")
	r.settle()
	d.compare("UPDATE")
	for _, m := range members {
		r.engine.Unsubscribe(m)
	}
}

// compare holds what arrived against the oracle. A row that only says why it is empty was not shown.
func (d *differential) compare(event string) {
	for _, role := range d.c.roles {
		for i, claims := range claimsCases {
			member := fmt.Sprintf("%s/%d", role, i)
			got := map[int]bool{}
			for _, row := range d.r.take(member) {
				data := row.object(d.t)
				if data["errors"] != nil {
					continue
				}
				id, ok := data["record"].(map[string]any)["id"].(float64)
				if !ok || row.Event != event || got[int(id)] {
					d.t.Fatalf("%s got an odd row: %s", member, row.Data)
				}
				got[int(id)] = true
			}
			want := map[int]bool{}
			for id := range advCount {
				d.asked++
				if d.visible(role, claims, id+1) {
					d.shown++
					want[id+1] = true
				}
			}
			if !maps.Equal(got, want) {
				d.t.Errorf("%s to %s with claims %.80s: got %v, want %v; notices %q", event, role, claims, keysOf(got), keysOf(want), d.r.noticesOf(member))
			}
		}
	}
}

func keysOf(m map[int]bool) []int { return slices.Sorted(maps.Keys(m)) }

// visible asks Postgres itself: one row, one statement, planned for it alone.
func (d *differential) visible(role, claims string, id int) bool {
	d.t.Helper()
	ctx := context.Background()
	tx, err := d.oracle.Begin(ctx)
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if _, err := tx.Exec(ctx, "discard plans"); err != nil { // those that PL/pgSQL keeps must not decide the next question
		d.t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, "select set_config('request.jwt.claims', $1, true), set_config('role', $2, true)", claims, role); err != nil {
		d.t.Fatal(err)
	}
	var ok bool
	err = tx.QueryRow(ctx, fmt.Sprintf("select exists (select 1 from adv.t where id = %d)", id), pgx.QueryExecModeSimpleProtocol).Scan(&ok)
	if err != nil && d.oracle.IsClosed() {
		d.t.Fatal(err)
	}
	return err == nil && ok
}
