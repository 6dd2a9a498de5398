package protocol

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

var textSeeds = []string{
	"", "plain", `quo"te`, `back\slash`, "\x00\x01\x1f\x7f", "\b\f\n\r\t", "é漢😀", "\xff", "a\xc3", "\xed\xa0\x80", "\u2028</script>", "\ufffd",
}

func TestAppendStringIsReadBack(t *testing.T) {
	for _, s := range textSeeds {
		checkString(t, s)
	}
}

func FuzzAppendString(f *testing.F) {
	for _, s := range textSeeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkString(t, s) })
}

// checkString asserts that AppendString and the two readers agree on s, that the length was foretold, and that bytes that
// are no UTF-8 have been replaced.
func checkString(t *testing.T, s string) {
	b := AppendString([]byte("x"), s)[1:]
	if len(b) != quotedLen(s) {
		t.Errorf("quotedLen(%q) = %d, want %d", s, quotedLen(s), len(b))
	}
	var want string
	if err := json.Unmarshal(b, &want); err != nil || !utf8.Valid(b) {
		t.Fatalf("AppendString(%q) = %q: %v", s, b, err)
	}
	if got, ok := StringValue(b); !ok || got != want {
		t.Errorf("StringValue(%q) = %q, %v; want %q", b, got, ok, want)
	}
	if want != strings.ToValidUTF8(s, "\ufffd") && utf8.ValidString(s) {
		t.Errorf("%q came back as %q", s, want)
	}
}

// Escapes are decoded as encoding/json does, half surrogate pairs included.
func FuzzStringValue(f *testing.F) {
	for _, s := range []string{
		`"\u0041\b\f\n\r\t\/\\\""`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ude00"`, `"\ud83d\ud83d\ude00"`, `"\ud83d\u0041"`, `"\ud83dx"`, `"x`, `x"`, ` "a" `,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if !utf8.Valid(b) {
			return
		}
		var want *string
		err := json.Unmarshal(b, &want)
		got, ok := StringValue(b)
		if ok != (err == nil && want != nil) {
			t.Fatalf("StringValue(%q) = %q, %v; json says %v", b, got, ok, err)
		}
		if ok && got != *want {
			t.Errorf("StringValue(%q) = %q, want %q", b, got, *want)
		}
	})
}

func TestStringValueRefusesOtherValues(t *testing.T) {
	for _, s := range []string{``, `null`, `1`, `{}`, `"a"b`, `"a`, `'a'`, "\"a\nb\"", `"\q"`} {
		if got, ok := StringValue([]byte(s)); ok {
			t.Errorf("StringValue(%s) = %q", s, got)
		}
	}
}
