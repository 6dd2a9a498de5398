package presence

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// state is what a client keeps: the phx_refs of each key's metas, in order.
type state map[string][]string

// parse reads a state as a client does.
func parse(t *rapid.T, b []byte) state {
	var raw map[string]struct{ Metas []map[string]any }
	if err := json.Unmarshal(b, &raw); err != nil {
		t.Fatalf("state %s: %v", b, err)
	}
	s := state{}
	for key, e := range raw {
		for _, m := range e.Metas {
			s[key] = append(s[key], m["phx_ref"].(string))
		}
	}
	return s
}

// apply does with a diff what a client does: leaves go by phx_ref, joins are appended.
func (s state) apply(joins, leaves state) {
	for key, refs := range leaves {
		s[key] = slices.DeleteFunc(s[key], func(r string) bool { return slices.Contains(refs, r) })
		if len(s[key]) == 0 {
			delete(s, key)
		}
	}
	for key, refs := range joins {
		s[key] = append(s[key], refs...)
	}
}

// Whoever starts from a state and applies every diff since has the state as it is now.
func TestDiffsLeadToTheState(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set, client, live := NewSet(), state{}, map[int]string{}
		for i := range rapid.IntRange(1, 80).Draw(t, "steps") {
			member := rapid.IntRange(0, 6).Draw(t, "member")
			key := fmt.Sprintf("k%d", member/2) // two members share a key
			var d Diff
			var ok bool
			if rapid.IntRange(0, 3).Draw(t, "what") == 0 {
				d, ok = set.Untrack(member)
				if _, tracked := live[member]; tracked != ok {
					t.Fatalf("untrack of %d: %v, tracked %v", member, ok, tracked)
				}
				delete(live, member)
			} else {
				payload := fmt.Sprintf(`{"n":%d}`, rapid.IntRange(0, 2).Draw(t, "payload"))
				d, ok = set.Track(member, key, []byte(payload), fmt.Sprintf("r%d", i))
				if was := live[member]; ok == (was == payload) {
					t.Fatalf("track of %s over %q changed: %v", payload, was, ok)
				}
				live[member] = payload
			}
			if !ok {
				continue
			}
			var wire struct{ Joins, Leaves json.RawMessage }
			if err := json.Unmarshal(d.Append(nil), &wire); err != nil || wire.Joins == nil || wire.Leaves == nil {
				t.Fatalf("diff %s: %v", d.Append(nil), err)
			}
			client.apply(parse(t, wire.Joins), parse(t, wire.Leaves))
			if diff := cmp.Diff(parse(t, set.AppendState(nil)), client); diff != "" {
				t.Fatalf("state (-set +client):\n%s", diff)
			}
		}
		if set.Len() != len(live) {
			t.Fatalf("%d tracked, want %d", set.Len(), len(live))
		}
	})
}

func TestUpdateLeavesTheOldMetaInTheSameDiff(t *testing.T) {
	s := NewSet()
	s.Track("m", "k", []byte(`{"a":1}`), "R1")
	d, ok := s.Track("m", "k", []byte(`{"a":2,"phx_ref":"forged","phx_ref_prev":"forged"}`), "R2")
	want := `{"joins":{"k":{"metas":[{"phx_ref":"R2","phx_ref_prev":"R1","a":2}]}},"leaves":{"k":{"metas":[{"phx_ref":"R1","a":1}]}}}`
	if got := string(d.Append(nil)); !ok || got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestKeysAreJSONWhateverTheyHold(t *testing.T) {
	s := NewSet()
	key := "a\"b\\c\n\u2028é" + string([]byte{0xff})
	s.Track("m", key, []byte(`{}`), "R1")
	var got map[string]any
	if err := json.Unmarshal(s.AppendState(nil), &got); err != nil {
		t.Fatal(err)
	}
	if _, ok := got[strings.ToValidUTF8(key, "\ufffd")]; !ok {
		t.Errorf("state %s lacks the key", s.AppendState(nil))
	}
}
