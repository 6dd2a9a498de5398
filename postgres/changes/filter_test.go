package changes

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestFilterGrammar(t *testing.T) {
	for text, want := range map[string][]Condition{
		"id=eq.1":                    {{"id", Eq, "1", false}},
		" id=eq.1 , v=not.gt.2 ":     {{"id", Eq, "1", false}, {"v", Gt, "2", true}},
		"v=eq.":                      {{"v", Eq, "", false}},
		"=eq.1":                      {{"", Eq, "1", false}},
		"a b.c=eq. x y ":             {{"a b.c", Eq, " x y", false}},
		"v=in.(a,b)":                 {{"v", In, "{a,b}", false}},
		`v=in.("a,b","c\"d",NULL)`:   {{"v", In, `{"a,b","c\"d",NULL}`, false}},
		"v=in.()":                    {{"v", In, "{}", false}},
		`v=eq."a,b"`:                 {{"v", Eq, "a,b", false}},
		`v=eq."a\"b\\c\x"`:           {{"v", Eq, `a"b\cx`, false}},
		`v=eq."a"b"`:                 {{"v", Eq, `"a"b"`, false}},
		`v=eq."a`:                    {{"v", Eq, `"a`, false}},
		`v=eq."`:                     {{"v", Eq, `"`, false}},
		`v=eq."a\"`:                  {{"v", Eq, `"a\"`, false}},
		`v=eq.a"b,c=eq.1`:            {{"v", Eq, `a"b`, false}, {"c", Eq, "1", false}},
		"v=like.f(a,b),w=eq.1":       {{"v", Like, "f(a,b)", false}, {"w", Eq, "1", false}},
		"v=eq.),w=eq.1":              {{"v", Eq, ")", false}, {"w", Eq, "1", false}},
		"v=eq.(,w=eq.1":              {{"v", Eq, "(,w=eq.1", false}},
		"v=is.null,w=not.is.unknown": {{"v", Is, "null", false}, {"w", Is, "unknown", true}},
		"v=eq.1.5.2":                 {{"v", Eq, "1.5.2", false}},
		"v=eq.a=b":                   {{"v", Eq, "a=b", false}},
		"v=imatch.^a.*$":             {{"v", IMatch, "^a.*$", false}},
		"v=not.not.eq.1":             nil,
	} {
		got, err := parseFilter(text)
		if want == nil {
			if err == nil {
				t.Errorf("%s: got %v, want an error", text, got)
			}
			continue
		}
		if d := cmp.Diff(got, want); err != nil || d != "" {
			t.Errorf("%s: %v (-got +want):\n%s", text, err, d)
		}
	}
}

// TestConditionReadsBack: what a condition is written as reads as that condition.
func TestConditionReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Condition{
			Column: rapid.StringMatching(`[a-zA-Z_ 0-9]{0,8}[a-z]`).Draw(t, "column"),
			Op:     rapid.SampledFrom(operators).Draw(t, "op"),
			Negate: rapid.Bool().Draw(t, "negate"),
			Value:  rapid.String().Draw(t, "value"),
		}
		if c.Op == In {
			c.Value = "{" + rapid.StringMatching(`[a-z0-9 ]{0,5}`).Draw(t, "list") + "}"
		}
		if c.Column[0] == ' ' {
			c.Column = "x" + c.Column
		}
		got, err := parseFilter(c.String())
		if d := cmp.Diff(got, []Condition{c}); err != nil || d != "" {
			t.Fatalf("%q: %v (-got +want):\n%s", c.String(), err, d)
		}
	})
}

func FuzzFilter(f *testing.F) {
	for _, text := range []string{"id=eq.1", `v=in.("a,b",c)`, "a=not.like.%x%,b=is.null", `v=eq."a\"`, "((,", `="=.,`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		conditions, err := parseFilter(text)
		if err != nil {
			return
		}
		if len(conditions) != 1 {
			return
		}
		c := conditions[0]
		again, err := parseCondition(c.String())
		if err != nil || again != c {
			t.Fatalf("%q: %+v was written as %q and read as %+v, %v", text, c, c.String(), again, err)
		}
	})
}
