package wal

import (
	"bytes"
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// FuzzDecode feeds messages, each preceded by its length, to one decoder. Whatever they are, it does not panic, and a
// row has as many values as its relation has columns.
func FuzzDecode(f *testing.F) {
	w := new(wire).relation(pair).begin(1, 1).row(Row{Rel: pair, Op: Insert, New: texts("1", "x")}).
		row(Row{Rel: pair, Op: Update, OldKind: OldFull, Old: texts("1", "-"), New: texts("1", "~")}).
		row(Row{Rel: pair, Op: Delete, OldKind: OldKey, Old: texts("1", "-")}).commit(1, 2)
	var seed []byte
	for _, m := range w.messages {
		seed = append(append(seed, byte(len(m))), m...)
	}
	f.Add(seed)
	f.Add([]byte("\x05I\xff\xff\xff\xff"))
	f.Add([]byte("\x0dR\x00\x00\x00\x07\x00\x00d\xff\xff\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d := newDecoder(Place{})
		for len(data) > 0 {
			n := min(int(data[0]), len(data)-1)
			tx, _ := d.decode(data[1 : 1+n])
			data = data[1+n:]
			if tx == nil {
				continue
			}
			if len(tx.Rows) == 0 {
				t.Fatal("a part without rows")
			}
			for _, r := range tx.Rows {
				if n := len(r.Rel.Columns); r.New != nil && len(r.New) != n || r.Old != nil && len(r.Old) != n {
					t.Fatalf("%d columns, row %v", n, r)
				}
				_ = show(r)
			}
		}
	})
}

// fuzzTypes are one type of each class, nested in each other.
func fuzzTypes() (*Types, []uint32) {
	t := NewTypes()
	t.add([]catalogType{
		{oid: 20001, name: "pair", kind: "c", delim: ",", attrs: []string{"a", `b"`}, attrTypes: []uint32{1009, 25}},
		{oid: 20002, name: "_pair", kind: "b", delim: ",", elem: 20001},
		{oid: 20003, name: "stamp", kind: "d", delim: ",", base: 1184},
		{oid: 20004, name: "all", kind: "c", delim: ",", attrs: []string{"p", "j", "s", "f", "b", "v"}, attrTypes: []uint32{20002, 114, 20003, 701, 17, 22}},
		{oid: 20005, name: "loop", kind: "c", delim: ",", attrs: []string{"l"}, attrTypes: []uint32{20005}},
		{oid: 20006, name: "blank", kind: "c", delim: ","},
	})
	return t, []uint32{
		16, 20, 21, 23, 26, 17, 25, 114, 700, 701, 1700, 1082, 1114, 1184, 22, 30, 1007, 1009, 1020, 1022, 199, 1001, 1185,
		20001, 20002, 20003, 20004, 20005, 20006, 99999,
	}
}

// FuzzAppendJSON: any text under any type gives one JSON value after what was there, and with an error the text as a
// string.
func FuzzAppendJSON(f *testing.F) {
	for _, text := range []string{
		"t", "-1", "1e20", "NaN", `\xde`, "2024-01-01 00:00:00+00 BC", "{1,NULL}", `{"a\"",b}`, "[0:1]={5,6}",
		`("a ""b""",)`, `{"a":1,"a":2}`, "(((((", "{{{{{{{{", "1 2", "\xff", `{"(\"{x}\",y)"}`, "1e999999999", "[1]",
	} {
		for i := range byte(30) {
			f.Add(i, []byte(text))
		}
	}
	types, oids := fuzzTypes()
	f.Fuzz(func(t *testing.T, which byte, text []byte) {
		oid := oids[int(which)%len(oids)]
		before := bytes.Clone(text)
		out, err := types.AppendJSON([]byte("before"), oid, -1, text)
		out, ok := bytes.CutPrefix(out, []byte("before"))
		if !ok || !json.Valid(out) || !utf8.Valid(out) {
			t.Fatalf("type %d, %q: %q", oid, text, out)
		}
		if err != nil && string(out) != string(appendString(nil, text)) {
			t.Fatalf("type %d, %q: %q with error %v", oid, text, out, err)
		}
		if !bytes.Equal(text, before) {
			t.Fatal("the text was changed")
		}
		if len(types.text) != 0 {
			t.Fatalf("%d bytes are left on the stack", len(types.text))
		}
	})
}

// FuzzArray: an array written as Postgres writes it is read as the same elements.
func FuzzArray(f *testing.F) {
	f.Add("a\x00b,c\x00\"\\\x00NULL\x00")
	types := NewTypes()
	f.Fuzz(func(t *testing.T, joined string) {
		joined = strings.ToValidUTF8(joined, "?")
		elems := strings.Split(joined, "\x00")
		var text []byte
		for i, e := range elems {
			text = append(text, ",{"[btoi(i == 0)])
			text = append(text, '"')
			text = append(text, strings.NewReplacer(`"`, `\"`, `\`, `\\`).Replace(e)...)
			text = append(text, '"')
		}
		checkStrings(t, types, 1009, append(text, '}'), elems)
	})
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// FuzzComposite: a row written as Postgres writes it is read as the same fields.
func FuzzComposite(f *testing.F) {
	f.Add("a,b", `q"\`)
	f.Add("", ")(")
	types := NewTypes()
	types.add([]catalogType{{oid: 20001, name: "two", kind: "c", delim: ",", attrs: []string{"a", "b"}, attrTypes: []uint32{25, 25}}})
	f.Fuzz(func(t *testing.T, a, b string) {
		quote := func(s string) string { return `"` + strings.NewReplacer(`"`, `""`, `\`, `\\`).Replace(s) + `"` }
		a, b = strings.ToValidUTF8(a, "?"), strings.ToValidUTF8(b, "?")
		out, err := types.AppendJSON(nil, 20001, -1, []byte("("+quote(a)+","+quote(b)+")"))
		var got map[string]string
		if err != nil || json.Unmarshal(out, &got) != nil || got["a"] != a || got["b"] != b {
			t.Fatalf("got %s, error %v, want %q, %q", out, err, a, b)
		}
	})
}

func checkStrings(t *testing.T, types *Types, oid uint32, text []byte, want []string) {
	t.Helper()
	out, err := types.AppendJSON(nil, oid, -1, text)
	var got []string
	if err != nil || json.Unmarshal(out, &got) != nil || !slices.Equal(got, want) {
		t.Fatalf("%q: got %s, error %v, want %q", text, out, err, want)
	}
}

// FuzzNormalize compares with encoding/json, where the last duplicate wins as well, and refuses what it refuses.
func FuzzNormalize(f *testing.F) {
	for _, text := range []string{`{"a":1,"a":{"a":1,"a":2},"b":[{"c":1,"c":2}],"a":{"x":3}}`, ` [ 1 , {} ] `, `"\u0061"`, `{"a":1,"\u0061":2}`, `-0`, `[,]`, `{"a"}`, `1 2`} {
		f.Add([]byte(text))
	}
	var n normalizer
	f.Fuzz(func(t *testing.T, src []byte) {
		if !utf8.Valid(src) || bytes.Contains(bytes.ToLower(src), []byte(`\ud`)) {
			t.Skip() // encoding/json cannot tell lone surrogates apart
		}
		out, ok := n.append([]byte("x"), src)
		if ok != json.Valid(src) {
			t.Fatalf("%q: ok %v", src, ok)
		}
		if !ok {
			return
		}
		if diff := cmp.Diff(meaning(t, out[1:]), meaning(t, src)); diff != "" {
			t.Fatalf("%q became %q: %s", src, out[1:], diff)
		}
		if again, _ := n.append(nil, out[1:]); !bytes.Equal(again, out[1:]) {
			t.Fatalf("%q is not normal: %q", out[1:], again)
		}
	})
}

// FuzzDecimal compares with rational numbers: the same value, without an exponent.
func FuzzDecimal(f *testing.F) {
	for _, text := range []string{"0", "-0", "1e20", "1.25e-7", "-12.50", "1e+300", "0.00e1", "9.99e2", "01", "1."} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		out, ok := appendDecimal(nil, []byte(text), false)
		if !ok || string(out) == "null" {
			return
		}
		got, ok1 := new(big.Rat).SetString(string(out))
		want, ok2 := new(big.Rat).SetString(text)
		if !ok1 || !ok2 || got.Cmp(want) != 0 {
			t.Fatalf("%q became %q", text, out)
		}
		if n, _ := parseNumber([]byte(text)); n.exp != 0 && bytes.ContainsAny(out, "eE") || !json.Valid(out) {
			t.Fatalf("%q became %q", text, out)
		}
	})
}
