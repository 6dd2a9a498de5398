package wal

// oracleCase is one column type and values for it.
type oracleCase struct {
	kind     string
	database bool // NeedsDatabase
	values   []oracleValue
}

// oracleValue is one value as SQL text. want is what AppendJSON must make of it; empty: what to_jsonb makes of it.
type oracleValue struct{ text, want string }

// as is a list of values whose JSON is to_jsonb's.
func as(kind string, texts ...string) oracleCase {
	oc := oracleCase{kind: kind}
	for _, text := range texts {
		oc.values = append(oc.values, oracleValue{text: text})
	}
	return oc
}

// but adds a value that differs from to_jsonb.
func (o oracleCase) but(text, want string) oracleCase {
	o.values = append(o.values, oracleValue{text, want})
	return o
}

// inDatabase marks a type that only Postgres can make JSON of.
func (o oracleCase) inDatabase() oracleCase {
	o.database = true
	return o
}

var oracleSchema = []string{
	"create extension hstore", "create extension citext", "create extension ltree", "create extension isn", "create extension cube",
	`create type mood as enum ('sad', 'o"k', 'ha ppy', 'a,b', 'null', '{}')`,
	"create domain posint as int check (value > 0)", "create domain domposint as posint", "create domain domtext as text",
	"create domain domarr as int[]", "create domain domfloat as float8", "create domain dombytea as bytea",
	"create domain domchar as char(4)", "create domain domstamp as timestamptz", "create domain domjson as json",
	"create domain domhstore as hstore",
	"create type comp as (a int, b text, c timestamptz, d float8[], e jsonb)",
	`create type comp2 as (x comp, "y z" mood, "q""t" posint)`,
	"create type deep as (list comp2[], raw bytea, f float4, c char(3), b bit(5), j json)",
	"create type one as (a text)", "create type blank as ()", "create type withhstore as (h hstore)",
	"create type fr as range (subtype = float8)", "create domain domcomp as comp",
	"create type gone as (a int, b int, c int)", "alter type gone drop attribute b", `create schema "odd"`, `create type "odd"."My Mood" as enum ('x')`,
}

// What differs from to_jsonb is what upstream's clients are used to: NaN and the infinities are null and bytea has no \x,
// both at top level only; and json keeps the digits and escapes that were written.
var oracleCases = []oracleCase{
	as("int2", "-32768", "0"), as("int4", "2147483647", "-1"), as("int8", "9223372036854775807", "-9223372036854775808"),
	as("oid", "4294967295", "0"),
	as("float4", "1.5", "1e20", "1e-7", "-0", "3.4028235e38", "0.1", "1e-45", "16777216", "-2.5e-5").
		but("NaN", "null").but("Infinity", "null").but("-Infinity", "null"),
	as("float8", "0.1", "1e300", "1e-300", "1e15", "1e16", "123456789012345680000", "-0", "5e-324", "1.7976931348623157e308",
		"-1.25e-10", "1.234567890123e25", "100", "0").
		but("NaN", "null").but("Infinity", "null").but("-Infinity", "null"),
	as("numeric", "1.10", "0", "-0.000001", "1e30", "123456789012345678901234567890.123456789", "0.00", "-0.0", "1e-20", "12.5000").
		but("NaN", "null").but("Infinity", "null").but("-Infinity", "null"),
	as("numeric(10,2)", "5", "-0.001"),
	as("bool", "t", "f"),
	as("text", "", "héllo \"q\" \\ \n\t\r\b\f \x01\x1f\x7f </script> 𝄞 \u2028 \u0085", "null", "123", "{}", "\xef\xbf\xbd", " x "),
	as("varchar(20)", "abc ", ""), as(`"char"`, "a", ""), as("name", "nm"),
	as("char(5)", "ab", "", "abcde"), as("bpchar", "ab "), as("bit(4)", "1010"), as("varbit", "101", ""),
	as("char(5)[]", "{ab,NULL}"), as("bit(4)[]", "{1010,0001}"), as("varchar(2)[]", "{ab}"),
	oracleCase{kind: "bytea"}.but(`\xdeadbeef`, `"deadbeef"`).but("", `""`).but(`\x00`, `"00"`),
	as("uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"),
	as("date", "2024-02-29", "infinity", "-infinity", "0044-03-15 BC", "10000-01-01", "0001-01-01"),
	as("time", "12:34:56.789", "24:00:00", "00:00:00", "00:00:00.000001"), as("time(0)", "12:34:56.789"),
	as("timetz", "12:34:56+05:30", "12:34:56.1-08", "12:00:00+05:30:15"),
	as("timestamp", "2024-02-29 12:34:56.789012", "2024-01-01 00:00:00", "infinity", "-infinity", "0044-03-15 12:00:00 BC",
		"10000-01-01 00:00:00", "0001-01-01 00:00:00", "1999-12-31 23:59:59.9"),
	as("timestamptz", "2024-02-29 12:34:56.789012+02", "2024-01-01 00:00:00+00", "infinity", "-infinity", "0044-03-15 12:00:00+00 BC",
		"0044-03-15 12:00:00.25+00 BC", "12024-01-01 00:00:00+00", "1800-01-01 00:00:00+05:30"),
	as("interval", "1 year 2 mons 3 days 04:05:06.789", "-1 day", "0", "-00:00:01.5"),
	as("json", `{"b":1, "a":[1,2.50,null], "b":2, "u":"\u00e9\ud83d\ude00"}`, `"s"`, `null`, ` [ 1 ] `, `{}`, `[]`, ` { } `,
		`{"a":1,"a":{"a":1,"a":2},"b":[{"c":1,"c":2,"d":3},{}],"a":{"x":{"y":1,"y":2},"x":3}}`, `{"":1,"":2}`, `{"a":1,"\u0061":2}`,
		`"\/\b\f\n\r\t\""`, `-12.5`, `true`, `{"\ud83d\ude00":1,"😀":2}`, `[[[[]]],{"a":[]}]`).
		but("1e2", "1e2").but(`"\u0000"`, `"\u0000"`).but(`[1E+2,-0,1e-3]`, `[1E+2,-0,1e-3]`),
	as("jsonb", `{"b":1,"a":"x\ty"}`, `null`, `1.10`, `"x"`, `1e3`, `[]`, `{"a":1,"a":2}`),
	as("xml", `<a b="c"/>`), as("money", "12.34", "-1"), as("tsvector", "'a':1 'b':2"), as("tsquery", "'a' & 'b'"),
	as("inet", "10.0.0.1", "10.0.0.0/8", "::1"), as("cidr", "10.0.0.0/8"), as("macaddr", "08:00:2b:01:02:03"),
	as("macaddr8", "08:00:2b:01:02:03:04:05"), as("pg_lsn", "16/B374D848"), as("xid8", "5"), as("xid", "5"), as("cid", "5"),
	as("regclass", "pg_class"), as("regtype", "integer", "varchar"), as("regrole", "pg_monitor"), as("regnamespace", "pg_catalog"),
	as("regproc", "now"), as("regprocedure", "now()"), as("regconfig", "simple"), as("jsonpath", `$."a"`), as("tid", "(0,1)"),
	as("txid_snapshot", "1:1:"), as("pg_snapshot", "1:3:2"), as("refcursor", "c"), as("isbn", "978-0-393-04002-9"), as("cube", "(1,2),(3,4)"),
	as("point", "(1,2)"), as("line", "{1,2,3}"), as("lseg", "[(0,0),(1,1)]"), as("box", "(1,1),(0,0)"), as("path", "((0,0),(1,1))"),
	as("polygon", "((0,0),(1,1))"), as("circle", "<(0,0),1>"), as("int2vector", "1 2 3", "", "-5"), as("oidvector", "1 2", ""),

	as("int4[]", "{}", "{1,NULL,3}", "{{1,2},{3,4}}", "[0:1]={5,6}", "[-2:-1][5:6]={{1,2},{3,4}}", "{{{{{{1}}}}}}"),
	as("text[]", `{a,"b,c","d\"e","NULL",NULL,"","\\x"," s ","{","}","null"}`, `{{a},{b}}`, `{"line\nbreak","[0:1]={1}"}`),
	as("bool[]", "{t,f,NULL}"), as("float8[]", "{1.5,NaN,Infinity,-Infinity,1e20,-0}"), as("float4[]", "{1e-7,NaN}"), as("numeric[]", "{1.10,NaN,Infinity}"),
	as("jsonb[]", `{"{\"a\": 1}",NULL,"null","\"q\""}`), as("json[]", `{"{\"a\":1,\"a\":2}",1}`),
	as("timestamptz[]", `{"2024-01-01 00:00:00+00",infinity,"0044-03-15 12:00:00+00 BC"}`), as("timestamp[]", `{"2024-01-01 00:00:00.5"}`),
	as("date[]", "{2024-01-01,infinity}"), as("uuid[]", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}"), as("bytea[]", `{"\\xdead",NULL,""}`),
	as("box[]", "{(1,1),(0,0);(2,2),(1,1)}"), as("point[]", `{"(1,2)","(3,4)"}`), as("oid[]", "{1,2}"), as("int2vector[]", `{"1 2",NULL}`),
	as("interval[]", `{"1 day",NULL}`), as("inet[]", "{10.0.0.1}"), as("xml[]", `{"<a/>"}`), as("money[]", `{"$1.00"}`),

	as("int4range", "[1,5)", "empty", "(,)"), as("tstzrange", `["2024-01-01 00:00:00+00",)`), as("int4multirange", "{[1,3),[5,7)}", "{}"),
	as("fr", "[1.5,2]"), as("int4range[]", `{"[1,2)",empty}`), as("numrange", "[1.10,2]"), as("daterange", "[2024-01-01,)"), as("tsrange", `["2024-01-01 00:00:00",)`),
	as("fr[]", `{"[1.5,2]"}`), as("int4multirange[]", `{"{[1,3),[5,7)}","{}"}`),

	as("mood", "sad", `o"k`, "ha ppy", "null"), as("mood[]", `{sad,"ha ppy","o\"k","a,b","null",NULL,"{}"}`), as(`"odd"."My Mood"`, "x"),
	as("posint", "5"), as("domposint", "5"), as("domposint[]", "{1,2}"), as("domtext", "x\"y"), as("domarr", "{1,2}"), as("domarr[]", `{"{1,2}",NULL}`),
	as("domfloat", "1e20", "NaN", "-Infinity"), as("dombytea", `\xdead`, ""), as("domchar", "ab"), as("domstamp", "2024-01-01 00:00:00+00", "infinity"),
	as("domjson", `{"a":1,"a":2}`), as("domfloat[]", "{NaN,1}"),

	as("comp", `(1,"a ""q"" \\ b","2024-01-01 00:00:00+00","{1.5,NaN}","{""a"": 1}")`, `(,,,,)`, `(1,"",,,)`, `(1,"a,b)(",,{},null)`),
	as("comp[]", `{"(1,a,,,)",NULL,"(,,,,)"}`), as("comp2", `("(1,x,,,)",sad,3)`, `(,,)`, `("(1,""q""""t"",,,)","o""k",)`),
	as("domcomp", "(1,x,,,)"), as("one", "(x)", "()", `("")`), as("blank", "()"), as("gone", "(1,3)", "(,)"),
	as("deep", `("{""(\\""(1,\\\\\\""x\\\\\\"",,,)\\"",sad,1)"",""(,,)""}","\\xdead",NaN,ab,10101,"{""k"":1,""k"":2}")`, "({},,1e10,,,null)"),
	as("deep[]", `{"({},,1e10,,,null)"}`),

	as("citext", "AbC"), as("ltree", "a.b.c"), as("citext[]", "{A,b}"),
	oracleCase{kind: "hstore"}.but(`"a"=>"1", "b"=>NULL`, `"\"a\"=>\"1\", \"b\"=>NULL"`).inDatabase(),
	oracleCase{kind: "hstore[]"}.but(`{a=>1}`, `["\"a\"=>\"1\""]`).inDatabase(),
	oracleCase{kind: "domhstore"}.but(`a=>1`, `"\"a\"=>\"1\""`).inDatabase(),
	oracleCase{kind: "withhstore"}.but(`("a=>1")`, `{"h":"\"a\"=>\"1\""}`).inDatabase(),
}
