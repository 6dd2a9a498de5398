package changes

import (
	"strings"
	"testing"
)

// TestWrongDecisionOnAnImageIsNoticed has the Engine mistake one user's claims for another's, and sees nobody get a row
// that is not theirs.
func TestWrongDecisionOnAnImageIsNoticed(t *testing.T) {
	r := newDocs(t, "create table public.other (id int primary key)", "alter publication supabase_realtime add table public.other")
	r.engine.o.ShadowEvery = 1 // the Engine is idle
	r.exec("insert into public.docs values (1, '" + userA + "', 'x')")
	r.settle()
	r.expect("A", `INSERT {"id":1,"owner":"`+userA+`","body":"x"}`)
	if s := r.engine.Stats(); s.Shadows != 1 || s.Mismatches != 0 {
		t.Fatalf("got %+v, want one check that finds nothing", s)
	}
	p := docsPlan(r)
	if p.tier != tierJoin {
		t.Fatalf("got tier %s", p.tier)
	}
	byID := p.image.claims.byID
	byID[1], byID[2] = byID[2], byID[1]
	r.engine.shadowed = r.engine.shadowed.Add(-shadowPause)
	r.exec("insert into public.docs values (2, '" + userB + "', 'y')")
	r.settle()
	r.expect("A")
	r.expect("B", `INSERT {"id":2,"owner":"`+userB+`","body":"y"}`)
	if s := r.engine.Stats(); s.Mismatches != 1 {
		t.Errorf("got %+v, want one mismatch", s)
	}
	if p := docsPlan(r); p.tier != tierReread {
		t.Errorf("got tier %s, want no more trust in images", p.tier)
	}
	r.exec("alter policy own on public.docs using (owner = (select auth.uid()))", "insert into public.docs values (3, '"+userB+"', 'z')")
	r.settle()
	r.expect("A")
	r.expect("B", `INSERT {"id":3,"owner":"`+userB+`","body":"z"}`)
	if p := docsPlan(r); p.tier != tierJoin {
		t.Errorf("got tier %s, want trust again once the catalog has changed", p.tier)
	}
}

// docsPlan is the plan of public.docs. The Engine is idle.
func docsPlan(r *rig) *plan {
	for _, t := range r.engine.catalog.tables {
		if t != nil && strings.HasSuffix(t.table, "docs") {
			return t.plans[authenticated]
		}
	}
	return nil
}
