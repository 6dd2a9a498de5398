package protocol

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var jsonSeeds = []string{
	``, ` `, `null`, `nul`, `nullx`, `true`, `false`, `tru`, `{}`, `[]`, `{ }`, `[ ]`, `[,]`, `[1,]`, `[1,2]`, `[1 2]`, `[1}`, `{"a":1]`,
	`{"a":1}`, `{"a":1,}`, `{"a"}`, `{"a":}`, `{a:1}`, `{,}`, `{"a":1 "b":2}`, `{"a":{"b":[{"c":[]}]}}`, ` [ 1 , { "a" : "b" } ] `, `[[],[],{}]`,
	`0`, `-0`, `01`, `-`, `+1`, `1.`, `.1`, `1.0`, `1e5`, `1E+5`, `1e-5`, `1e`, `1e+`, `1.5e300`, `--1`, `1-`, `Infinity`, `NaN`, `0x10`,
	`""`, `"`, `"a`, `"abcdefgh"`, `"abcdefg\"h"`, `"\u00e9"`, `"\u00g9"`, `"\u00"`, `"\u`, `"\x"`, `"\`, "\"a\nb\"", "\"a\x00b\"", "\"\x7f\"",
	`"abcdefghijklmnopqrstuvwx\\"`, `"\ud800"`, `"\ud83d\ude00"`, `"é漢😀"`, "\"\xff\"", "\"\xc3\"", "\xef\xbb\xbf{}", `1 2`, `{}{}`, `[]]`, `"a" "b"`,
	"\t\r\n{\"a\"\t:\r\n1}\v", `{"a":1,"a":2}`, `["1","2","t","e",{}]`, "[1,\x00]", "\u00a0[]", `{"":""}`,
}

func TestValidAgreesWithTheStandardLibrary(t *testing.T) {
	for _, s := range jsonSeeds {
		want := json.Valid([]byte(s)) && utf8.ValidString(s)
		if got := Valid([]byte(s)); got != want {
			t.Errorf("Valid(%q) = %v, want %v", s, got, want)
		}
	}
}

// A string stops the search in words of eight bytes at every place of the word, for every byte that stops it.
func TestEveryByteAtEveryPlaceOfAString(t *testing.T) {
	for c := range 256 {
		for place := range 20 {
			s := []byte(`"` + strings.Repeat("é", place/2) + strings.Repeat("x", place%2) + string([]byte{byte(c)}) + `xxxxxxxxxxxxxxxx"`)
			want := json.Valid(s) && utf8.Valid(s)
			if got := Valid(s); got != want {
				t.Fatalf("Valid(%q) = %v, want %v", s, got, want)
			}
		}
	}
}

func TestDepthIsBounded(t *testing.T) {
	for _, c := range []struct {
		open, end string
	}{{"[", "]"}, {`{"a":`, "}"}, {`[{"a":`, "}]"}} {
		levels := strings.Count(c.open, "[") + strings.Count(c.open, "{")
		fits := maxDepth / levels
		if !Valid([]byte(strings.Repeat(c.open, fits) + "1" + strings.Repeat(c.end, fits))) {
			t.Errorf("%d levels of %s are refused", fits*levels, c.open)
		}
		if Valid([]byte(strings.Repeat(c.open, fits+1) + "1" + strings.Repeat(c.end, fits+1))) {
			t.Errorf("%d levels of %s are accepted", (fits+1)*levels, c.open)
		}
	}
	if !Valid([]byte(strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1))) {
		t.Error("an empty innermost container needs no level of its own")
	}
	if Valid([]byte(strings.Repeat("[", 1_000_000))) {
		t.Error("a million brackets are valid")
	}
}

func FuzzValid(f *testing.F) {
	for _, s := range jsonSeeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		want := json.Valid(b) && utf8.Valid(b)
		if got := Valid(b); got != want && depth(b) <= maxDepth {
			t.Errorf("Valid(%q) = %v, want %v", b, got, want)
		}
	})
}

// depth returns an upper bound of the nesting of b.
func depth(b []byte) int {
	n := 0
	for _, c := range b {
		if c == '[' || c == '{' {
			n++
		}
	}
	return n
}

func TestObjectWalksTheMembers(t *testing.T) {
	var got []string
	ok := Object([]byte(` { "a" : 1 , "b\u0041" : [ {} , "}" ] , "" : "\"" } `), func(key, value []byte) bool {
		got = append(got, string(key)+"="+string(value))
		return true
	})
	if diff := cmp.Diff(got, []string{"a=1", `bA=[ {} , "}" ]`, `="\""`}); !ok || diff != "" {
		t.Errorf("Object = %v (-got +want):\n%s", ok, diff)
	}
}

func TestArrayWalksTheElements(t *testing.T) {
	var got []string
	ok := Array([]byte("\n[ 1,\"a,]\" ,{\"x\":[2]}, null ]\t"), func(value []byte) bool {
		got = append(got, string(value))
		return true
	})
	if diff := cmp.Diff(got, []string{"1", `"a,]"`, `{"x":[2]}`, "null"}); !ok || diff != "" {
		t.Errorf("Array = %v (-got +want):\n%s", ok, diff)
	}
}

func TestWalkStopsWhenTold(t *testing.T) {
	n := 0
	if !Object([]byte(`{"a":1,"b":2}`), func(_, _ []byte) bool { n++; return false }) || n != 1 {
		t.Errorf("%d members seen, want 1", n)
	}
	n = 0
	if !Array([]byte(`[1,2]`), func([]byte) bool { n++; return false }) || n != 1 {
		t.Errorf("%d elements seen, want 1", n)
	}
}

// Object and Array accept exactly the valid objects and arrays.
func FuzzWalk(f *testing.F) {
	for _, s := range jsonSeeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if !utf8.Valid(b) || depth(b) > maxDepth {
			return
		}
		first := byte(0)
		if i := space(b, 0); i < len(b) && json.Valid(b) {
			first = b[i]
		}
		var values [][]byte
		keep := func(v []byte) bool { values = append(values, v); return true }
		if got, want := Array(b, keep), first == '['; got != want {
			t.Errorf("Array(%q) = %v, want %v", b, got, want)
		}
		got := Object(b, func(key, v []byte) bool { return utf8.Valid(key) && keep(v) })
		if want := first == '{'; got != want {
			t.Errorf("Object(%q) = %v, want %v", b, got, want)
		}
		for _, v := range values {
			if !json.Valid(v) {
				t.Errorf("%q holds the value %q", b, v)
			}
		}
	})
}
