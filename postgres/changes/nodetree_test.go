package changes

import (
	"strings"
	"testing"
)

func TestTreeIsReadWithEscapesListsAndNulls(t *testing.T) {
	v, err := parseTree(`{OPEXPR :opno 2972 :opfuncid 2956 :args ({VAR :varno 1 :varattno 2 :varlevelsup 0} {FUNCEXPR :funcid 16401 :args <>}) :alias a\ \}b :location -1}`)
	if err != nil {
		t.Fatal(err)
	}
	r := newReferences()
	r.collect(v)
	if !r.ops[2972] || !r.funcs[2956] || !r.funcs[16401] || !r.attrs[2] || len(r.attrs) != 1 {
		t.Fatalf("got %+v", r)
	}
}

func TestTreeKnowsTheTablesOwnColumnsInsideSubQueries(t *testing.T) {
	v, err := parseTree(`{SUBLINK :subselect {QUERY :rtable ({RTE :relid 77}) :jointree {X :a {VAR :varno 1 :varattno 5 :varlevelsup 0} :b {VAR :varno 1 :varattno 6 :varlevelsup 1}}}}`)
	if err != nil {
		t.Fatal(err)
	}
	r := newReferences()
	r.collect(v)
	if r.attrs[5] || !r.attrs[6] || !r.rels[77] {
		t.Fatalf("got %+v", r)
	}
}

func TestMalformedTreesAreRefused(t *testing.T) {
	for _, text := range []string{"", "{", "}", "(", ")", "{}", "{A", "{A b}", "{A :b {}", "{A :b 1} {B}", "{:a 1}"} {
		if v, err := parseTree(text); err == nil {
			t.Errorf("%q: got %v, want an error", text, v)
		}
	}
}

func FuzzTree(f *testing.F) {
	f.Add(`{CONST :constvalue 4 [ 1 0 0 0 ] :constisnull false}`)
	f.Add(`({A :b <>} (i 1 2) (o 3) "x y" \<>)`)
	f.Add(strings.Repeat("(", 5000))
	f.Fuzz(func(_ *testing.T, text string) {
		if v, err := parseTree(text); err == nil {
			newReferences().collect(v)
		}
	})
}

func FuzzSQLText(f *testing.F) {
	f.Add(`((uid = ( SELECT auth.uid() AS uid)) OR (EXISTS ( SELECT 1 FROM public.m WHERE (m."A b" = 'x''y'::text))))`)
	f.Add(`(room IN ( SELECT m.room FROM public.m WHERE (m.user_id = auth.uid()))) AND (tags[1] = ANY (ARRAY[E'a\\b', B'1']))`)
	f.Add(strings.Repeat("(", 600))
	f.Fuzz(func(t *testing.T, text string) {
		list, err := readSQL(text)
		if err != nil {
			return
		}
		again, err := readSQL(writeSQL(list))
		if err != nil || writeSQL(again) != writeSQL(list) {
			t.Fatalf("%q was written as %q, which reads as %q, %v", text, writeSQL(list), writeSQL(again), err)
		}
		h := hoister{alias: "t", accessors: map[string]bool{"auth.uid": true}, unstable: map[string]bool{}, shaped: map[string]bool{}}
		br := brancher{alias: "t", raises: map[string]bool{}, shaped: map[string]bool{}}
		_ = br.branches([][]piece{h.hoist(list)}, nil)
	})
}
