package changes

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"realtime/protocol"
	"realtime/protocol/codes"
)

func TestParametersOfAnEntry(t *testing.T) {
	eq := []Condition{{Column: "id", Op: Eq, Value: "1"}}
	for raw, want := range map[string]Spec{
		`{"schema":"public","table":"t"}`:                                                {Event: "*", Schema: "public", Table: "t"},
		`{"event":"insert","schema":"public","table":"t"}`:                               {Event: "INSERT", Schema: "public", Table: "t"},
		`{"event":"nonsense","table":"t"}`:                                               {Event: "*", Schema: "public", Table: "t"},
		`{"event":7,"table":"t"}`:                                                        {Event: "*", Schema: "public", Table: "t"},
		`{"schema":"s"}`:                                                                 {Event: "*", Schema: "s", Table: "*"},
		`{"schema":"*","event":"DELETE"}`:                                                {Event: "DELETE", Schema: "*", Table: "*"},
		`{"schema":"*","table":"*"}`:                                                     {Event: "*", Schema: "*", Table: "*"},
		`{"schema":"public","table":"t","filter":"id=eq.1"}`:                             {Event: "*", Schema: "public", Table: "t", Filters: eq},
		`{"schema":"public","table":"t","filter":"  "}`:                                  {Event: "*", Schema: "public", Table: "t"},
		`{"schema":"public","table":"t","filter":""}`:                                    {Event: "*", Schema: "public", Table: "t"},
		`{"schema":"public","table":"t","select":[]}`:                                    {Event: "*", Schema: "public", Table: "t"},
		`{"schema":"public","table":"t","select":["b",1,"a"],"filter":"id=eq.1"}`:        {Event: "*", Schema: "public", Table: "t", Select: []string{"b", "a"}, Filters: eq},
		`{"schema":"public","table":"*","select":[],"other":{"a":[1]},"event":"UPDATE"}`: {Event: "UPDATE", Schema: "public", Table: "*"},
	} {
		want.ID = 1
		got, err := ParseSpec(entries(t, raw)[0])
		if err != nil {
			t.Errorf("%s: got %v", raw, err)
			continue
		}
		if d := cmp.Diff(got, want); d != "" {
			t.Errorf("%s (-got +want):\n%s", raw, d)
		}
	}
}

func TestRefusedParametersAreWordedAsUpstreamDoes(t *testing.T) {
	const none = "No subscription params provided. Please provide at least a `schema` or `table` to subscribe to: "
	const filter = "Error parsing `filter` params: "
	const columns = "Error parsing `select` params: expected a list of column name strings, e.g. select: [\"col1\", \"col2\"]"
	const wildcards = "Column selection is not supported for wildcard subscriptions. Provide an explicit schema and table name."
	for raw, want := range map[string]string{
		`{}`:                                     none + `%{}`,
		`{"event":"*"}`:                          none + `%{"event" => "*"}`,
		`{"schema":"public","filter":"id=eq.1"}`: none + `%{"filter" => "id=eq.1", "schema" => "public"}`,
		`{"table":"t","filter":"id=eq.1"}`:       none + `%{"filter" => "id=eq.1", "table" => "t"}`,
		`{"schema":"public","table":"t","filter":123}`:                none + `%{"filter" => 123, "schema" => "public", "table" => "t"}`,
		`{"schema":1,"table":"t"}`:                                    none + `%{"schema" => 1, "table" => "t"}`,
		`{"user_token":"x"}`:                                          none + `<redacted>`,
		`{"auth_token":null,"event":"*"}`:                             none + `<redacted>`,
		`{"event":"*","x":{"b":[1,2.5,true],"a":null}}`:               none + `%{"event" => "*", "x" => %{"a" => nil, "b" => [1, 2.5, true]}}`,
		`{"schema":"public","table":"t","select":"id"}`:               columns,
		`{"schema":"public","select":["id"]}`:                         wildcards,
		`{"schema":"*","table":"t","select":["id"]}`:                  wildcards,
		`{"schema":"public","table":"*","select":["id"]}`:             wildcards,
		`{"schema":"public","table":"t","filter":"undefined"}`:        filter + `["undefined"]`,
		`{"schema":"public","table":"t","filter":"v=eq"}`:             filter + `["eq"]`,
		`{"schema":"public","table":"t","filter":"v=not.foo.bar"}`:    filter + `["foo", "bar"]`,
		`{"schema":"public","table":"t","filter":"v=EQ.1"}`:           filter + `["EQ", "1"]`,
		`{"schema":"public","table":"t","filter":"v=cs.{a}"}`:         filter + `["cs", "{a}"]`,
		`{"schema":"public","table":"t","filter":"or=(id.eq.1)"}`:     filter + `["(id", "eq.1)"]`,
		`{"schema":"public","table":"t","filter":"v==eq.1"}`:          filter + `["=eq", "1"]`,
		`{"schema":"public","table":"t","filter":"n=eq.1,5"}`:         filter + `["5"]`,
		`{"schema":"public","table":"t","filter":"v=in.a,b"}`:         filter + "`in` filter value must be wrapped by parentheses",
		`{"schema":"public","table":"t","filter":"v=in.(a"}`:          filter + "`in` filter value must be wrapped by parentheses",
		`{"schema":"public","table":"t","filter":"v=in.("}`:           filter + "`in` filter value must be wrapped by parentheses",
		`{"schema":"public","table":"t","filter":",id=gt.0"}`:         filter + "filter must not contain empty segments (check for extra commas)",
		`{"schema":"public","table":"t","filter":"id=gt.0,,id=lt.5"}`: filter + "filter must not contain empty segments (check for extra commas)",
	} {
		_, err := ParseSpec(entries(t, raw)[0])
		fault := codes.Of(err)
		if fault == nil || fault.Code != codes.RealtimeDisabledForConfiguration {
			t.Errorf("%s: got %v, want RealtimeDisabledForConfiguration", raw, err)
			continue
		}
		if fault.Text != want {
			t.Errorf("%s:\n got %s\nwant %s", raw, fault.Text, want)
		}
	}
}

func TestEntryWithoutRawTextIsReadFromItsFields(t *testing.T) {
	table := "t"
	got, err := ParseSpec(protocol.ChangeEntry{Table: &table})
	if err != nil || got.Table != "t" || got.Schema != "public" {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := ParseSpec(protocol.ChangeEntry{}); err == nil || !strings.HasSuffix(err.Error(), "%{}") {
		t.Errorf("got %v, want a refusal that shows an empty map", err)
	}
}

func TestParametersAreShownAsUpstreamDoes(t *testing.T) {
	for _, c := range []struct {
		spec Spec
		want string
	}{
		{Spec{Event: "*", Schema: "public", Table: "t"}, `[event: *, schema: public, table: t, filters: [], select: nil]`},
		{
			Spec{Event: "UPDATE", Schema: "Public", Table: "", Filters: []Condition{{"id", Eq, "1", false}}, Select: []string{"id", "V"}},
			`[event: UPDATE, schema: Public, table: , filters: [{"id", "eq", "1", false}], select: ["id", "V"]]`,
		},
		{
			Spec{Event: "*", Schema: "public", Table: "t", Filters: []Condition{{`"v"`, Neq, "a\n#{x}\x01é", true}}},
			`[event: *, schema: public, table: t, filters: [{"\"v\"", "neq", "a\n\#{x}\x01é", true}], select: nil]`,
		},
	} {
		if got := c.spec.params(); got != c.want {
			t.Errorf("\n got %s\nwant %s", got, c.want)
		}
	}
}

// TestLongTermsWrap: 80 columns; a list of tuples gets a line each, what is inside flows.
func TestLongTermsWrap(t *testing.T) {
	long := strings.Repeat("1,", 40)
	for _, c := range []struct{ got, want string }{
		{
			inspect(filtersTerm([]Condition{{"n", In, "{" + long + "1}", false}})),
			"[\n  {\"n\", \"in\",\n   \"{" + long + "1}\",\n   false}\n]",
		},
		{
			inspect(filtersTerm([]Condition{{"aaaaaaaaaaaaaaaa", Eq, "bbbbbbbbbbbbbbbb", false}, {"cccccccccccccccc", Eq, "dddddddddddddddd", true}})),
			"[\n  {\"aaaaaaaaaaaaaaaa\", \"eq\", \"bbbbbbbbbbbbbbbb\", false},\n  {\"cccccccccccccccc\", \"eq\", \"dddddddddddddddd\", true}\n]",
		},
		{
			inspect(stringsTerm([]string{strings.Repeat("a", 40), strings.Repeat("b", 30), "c"})),
			"[\"" + strings.Repeat("a", 40) + "\", \"" + strings.Repeat("b", 30) + "\",\n \"c\"]",
		},
		{
			inspect(jsonTerm([]byte(`{"event":"` + strings.Repeat("x", 60) + `","schema":["a"],"z":{"deep":{}}}`))),
			"%{\n  \"event\" => \"" + strings.Repeat("x", 60) + "\",\n  \"schema\" => [\"a\"],\n  \"z\" => %{\"deep\" => %{}}\n}",
		},
	} {
		if c.got != c.want {
			t.Errorf("\n got %s\nwant %s", c.got, c.want)
		}
	}
}

func TestNumbersAreShownAsElixirDoes(t *testing.T) {
	for in, want := range map[string]string{
		"1": "1", "-0": "0", "123456789012345678901234567890": "123456789012345678901234567890",
		"1.0": "1.0", "1.5e3": "1.5e3", "100.0": "100.0", "1e3": "1.0e3", "0.001": "0.001", "1.0e-10": "1.0e-10", "12345.678": "12345.678",
	} {
		if got := numberTerm(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestExceptionsAreRenderedAsTheDriverDoes(t *testing.T) {
	for _, c := range []struct {
		err  evalError
		want string
	}{
		{*raised("invalid column for filter x"), "ERROR P0001 (raise_exception) invalid column for filter x"},
		{evalError{state: "22P02", message: "m", detail: "Junk."}, "ERROR 22P02 (invalid_text_representation) m\n\nJunk."},
		{evalError{state: "22008", message: "m", hint: "Perhaps."}, "ERROR 22008 (datetime_field_overflow) m\n\n    hint: Perhaps."},
		{evalError{state: "23502", message: "m", table: "t", column: "c"}, "ERROR 23502 (not_null_violation) m\n\n    table: t\n    column: c"},
		{evalError{state: "ZZ999", message: "m"}, "ERROR ZZ999 m"},
	} {
		if got := c.err.exception(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	if err := error(&evalError{state: "22P02", message: "secret"}); strings.Contains(err.Error(), "secret") || errors.Unwrap(err) != nil {
		t.Errorf("got %q: the text of an error may quote a row", err)
	}
}

// Null is as good as absent, unlike upstream: clients of other languages send it for "none".
func TestNullCountsAsAbsent(t *testing.T) {
	for raw, want := range map[string]Spec{
		`{"schema":"public","table":"t","filter":null}`: {Schema: "public", Table: "t"},
		`{"schema":null,"table":"t"}`:                   {Schema: "public", Table: "t"},
		`{"schema":"s","table":null}`:                   {Schema: "s", Table: wildcard},
	} {
		got, err := ParseSpec(entries(t, raw)[0])
		if err != nil || got.Schema != want.Schema || got.Table != want.Table {
			t.Errorf("%s: got %q %q, %v; want %q %q", raw, got.Schema, got.Table, err, want.Schema, want.Table)
		}
	}
}
