package protocol

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func entries(t *testing.T, array string) []ChangeEntry {
	t.Helper()
	return parseJoin(t, `{"config":{"postgres_changes":`+array+`}}`).Changes
}

func TestParseEntry(t *testing.T) {
	for raw, want := range map[string]ChangeEntry{
		`{"event":"INSERT","schema":"public","table":"t","filter":"id=eq.1","select":["id","x"]}`: {
			Event: new("INSERT"), Schema: new("public"), Table: new("t"), Filter: new("id=eq.1"), Select: []string{"id", "x"}, HasSelect: true,
		},
		`{}`: {},
		`{"event":null,"schema":null,"table":null,"filter":null,"select":null}`: {},
		`{"event":5,"schema":5,"table":[],"filter":{},"select":7}`: {
			BadType: []string{"schema", "table", "filter", "select"}, HasSelect: true,
		},
		`{"schema":"","select":"a"}`:        {Schema: new(""), BadType: []string{"select"}, HasSelect: true, SelectIsString: true},
		`{"select":["a",1,null,{"b":2}]}`:   {Select: []string{"a"}, HasSelect: true},
		`{"select":[]}`:                     {HasSelect: true},
		`{"extra":true,"schema":"a\u0062"}`: {Schema: new("ab")},
	} {
		got := parseEntry([]byte(raw))
		if string(got.Raw) != raw {
			t.Errorf("%s: Raw is %s", raw, got.Raw)
		}
		want.Raw = got.Raw
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", raw, diff)
		}
	}
}

func TestLegacyEntries(t *testing.T) {
	for sub, want := range map[string]string{
		"public":                 `{"schema":"public"}`,
		"*":                      `{"schema":"*"}`,
		"public:users":           `{"schema":"public","table":"users"}`,
		"public:users:id=eq.1":   `{"schema":"public","table":"users","filter":"id=eq.1"}`,
		"public:t:at=eq.10:00:1": `{"schema":"public","table":"t","filter":"at=eq.10:00:1"}`,
		`a"b`:                    `{"schema":"a\"b"}`,
	} {
		got := LegacyEntry(sub)
		if string(got.Raw) != want || got.ID != int64(portableHash(got.Raw)) || got.Schema == nil {
			t.Errorf("LegacyEntry(%s) = %s with id %d, want %s", sub, got.Raw, got.ID, want)
		}
	}
	if got, want := LegacyEntry("public:users").ID, int64(97734291); got != want {
		t.Errorf("id %d, want %d", got, want)
	}
}

// Clients compare the answer entry by entry with what they sent.
func TestJoinResponseEchoesTheEntries(t *testing.T) {
	for array, want := range map[string]string{
		`[]`:          `{"postgres_changes":[]}`,
		`[{}]`:        `{"postgres_changes":[{"id":39679005}]}`,
		`[{ }, null]`: `{"postgres_changes":[{"id":39679005}]}`,
		`[{"schema":"public"},{"schema":"public"}]`: `{"postgres_changes":[{"id":44066587,"schema":"public"},{"id":44066587,"schema":"public"}]}`,
		`[{ "schema" : "public" , "x" : [ 1.0 ] }]`: fmt.Sprintf(`{"postgres_changes":[{"id":%d,"schema" : "public" , "x" : [ 1.0 ] }]}`, portableHash([]byte(`{"schema":"public","x":[1.0]}`))),
		// A client's own id would win over the server's in JavaScript, and no change would ever match.
		`[{"id":5,"schema":"public"}]`:      `{"postgres_changes":[{"id":44066587,"schema":"public"}]}`,
		`[{"schema":"public","\u0069d":5}]`: `{"postgres_changes":[{"id":44066587,"schema":"public"}]}`,
		`[{"id":1,"id":2}]`:                 `{"postgres_changes":[{"id":39679005}]}`,
	} {
		got := string(AppendJoinResponse(nil, entries(t, array)))
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", array, got, want)
		}
		if !json.Valid([]byte(got)) {
			t.Errorf("%s: %s is no JSON", array, got)
		}
	}
}

func TestEqualEntriesHaveEqualIDs(t *testing.T) {
	e := entries(t, `[{"schema":"public","table":"t"},{ "t\u0061ble":"t" , "schema":"p\u0075blic"},{"table":"x","table":"t","schema":"public"}]`)
	if e[0].ID != e[1].ID || e[0].ID != e[2].ID {
		t.Errorf("ids %d, %d, %d are not equal", e[0].ID, e[1].ID, e[2].ID)
	}
}

// The hash has 27 bits, so entries that collide can be found; in one join they get ids of their own all the same.
func TestCollidingEntriesGetDifferentIDs(t *testing.T) {
	byHash := map[uint32]string{}
	var first, second string
	for i := 0; second == ""; i++ {
		raw := fmt.Sprintf(`{"table":"t%d"}`, i)
		h := portableHash([]byte(raw))
		if first, second = byHash[h], raw; first == "" {
			byHash[h], second = raw, ""
		}
	}
	e := entries(t, `[`+first+`,`+second+`,`+first+`,`+second+`]`)
	if e[0].ID == e[1].ID || e[0].ID != e[2].ID || e[1].ID != e[3].ID {
		t.Errorf("%s, %s: ids %d %d %d %d", first, second, e[0].ID, e[1].ID, e[2].ID, e[3].ID)
	}
	again := entries(t, `[`+first+`,`+second+`]`)
	if again[0].ID != e[0].ID || again[1].ID != e[1].ID {
		t.Errorf("the same join has the ids %d %d, then %d %d", e[0].ID, e[1].ID, again[0].ID, again[1].ID)
	}
	if alone := entries(t, `[`+first+`]`); alone[0].ID != e[0].ID {
		t.Errorf("alone %s has the id %d, not %d", first, alone[0].ID, e[0].ID)
	}
}
