package protocol

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"realtime/protocol/codes"
)

func parseJoin(t *testing.T, payload string) *Join {
	t.Helper()
	j, err := ParseJoin([]byte(payload))
	if err != nil {
		t.Fatalf("%s: %v", payload, err)
	}
	return j
}

// joinWith is a join with everything at its default but what change says.
func joinWith(change func(*Join)) *Join {
	j := &Join{Timeout: defaultWait}
	if change != nil {
		change(j)
	}
	return j
}

func TestParseJoin(t *testing.T) {
	bad := func(path, want string) []string { return []string{path + ": unable to parse, expected " + want} }
	for payload, want := range map[string]*Join{
		`{"config":{}}`:   joinWith(nil),
		`{"config":null}`: joinWith(nil),
		` { "config" : { "unknown" : 1 } , "version" : 2 } `: joinWith(nil),
		`{}`: joinWith(func(j *Join) { j.Legacy = true }),
		`{"config":{"a":1},"config":{"private":true}}`:                                         joinWith(func(j *Join) { j.Private = true }),
		`{"user_token":"u"}`:                                                                   joinWith(func(j *Join) { j.Legacy, j.UserToken = true, new("u") }),
		`{"config":{},"access_token":"a","user_token":"u"}`:                                    joinWith(func(j *Join) { j.AccessToken, j.UserToken = new("a"), new("u") }),
		`{"config":{},"access_token":5,"user_token":null}`:                                     joinWith(nil),
		`{"config":{},"access_token":false}`:                                                   joinWith(nil),
		`{"config":{},"access_token":""}`:                                                      joinWith(func(j *Join) { j.AccessToken = new("") }),
		`{"config":{"broadcast":null,"presence":null,"postgres_changes":null,"private":null}}`: joinWith(nil),
		`{"config":{"private":"TRUE"}}`:                                                        joinWith(func(j *Join) { j.Private = true }),
		`{"config":{"private":"False"}}`:                                                       joinWith(nil),
		`{"config":{"private":""}}`:                                                            joinWith(nil),
		`{"config":{"private":" \t"}}`:                                                         joinWith(nil),
		`{"config":{"broadcast":{"self":"true","ack":"nope"}}}`: joinWith(func(j *Join) {
			j.Self, j.Problems = true, bad("config.broadcast.ack", "boolean")
		}),
		`{"config":{"broadcast":{"self":null,"ack":null,"replication_ready":null}}}`: joinWith(nil),
		`{"config":{"broadcast":{"self":1}}}`:                                        joinWith(func(j *Join) { j.Problems = bad("config.broadcast.self", "boolean") }),
		`{"config":{"broadcast":{"ack":" true"}}}`:                                   joinWith(func(j *Join) { j.Problems = bad("config.broadcast.ack", "boolean") }),
		`{"config":{"broadcast":{"replication_ready":false}}}`:                       joinWith(nil),
		`{"config":{"broadcast":{"replication_ready":"false"}}}`:                     joinWith(func(j *Join) { j.ReplicationReady = true }),
		`{"config":{"broadcast":{"replication_ready":0}}}`:                           joinWith(func(j *Join) { j.ReplicationReady = true }),
		`{"config":{"presence":"x"}}`:                                                joinWith(func(j *Join) { j.Problems = bad("config.presence", "a map") }),
		`{"config":{"presence":{"enabled":"True"}}}`:                                 joinWith(func(j *Join) { j.PresenceEnabled = true }),
		`{"config":{"presence":{"enabled":"yes","key":"k"}}}`: joinWith(func(j *Join) {
			j.PresenceKey, j.Problems = "k", bad("config.presence.enabled", "boolean")
		}),
		`{"config":{"presence":{"enabled":true,"key":{"a":1}}}}`: joinWith(func(j *Join) {
			j.PresenceEnabled, j.Problems = true, bad("config.presence.key", "string")
		}),
		`{"config":{"presence":{"key":""}}}`:                 joinWith(func(j *Join) { j.PresenceEnabled = true }), // clients that know no other key
		`{"config":{"presence":{"key":"k"}}}`:                joinWith(func(j *Join) { j.PresenceEnabled, j.PresenceKey = true, "k" }),
		`{"config":{"presence":{"key":null}}}`:               joinWith(func(j *Join) { j.PresenceEnabled = true }),
		`{"config":{"presence":{"enabled":null,"key":"k"}}}`: joinWith(func(j *Join) { j.PresenceKey = "k" }),
		`{"config":{"presence":{"enabled":false,"key":""}}}`: joinWith(nil),
		`{"config":{"presence":{}}}`:                         joinWith(nil),
		`{"config":{"postgres_changes":"x"}}`:                joinWith(func(j *Join) { j.Problems = bad("config.postgres_changes", "an array of maps") }),
		`{"config":{"postgres_changes":{"a":1}}}`:            joinWith(func(j *Join) { j.Problems = bad("config.postgres_changes", "an array of maps") }),
		`{"config":{"postgres_changes":[null]}}`:             joinWith(nil),
		`{"config":{"broadcast":{"replay":null}}}`:           joinWith(nil),
		`{"config":{"broadcast":{"replay":123}}}`:            joinWith(func(j *Join) { j.Problems = bad("config.broadcast.replay", "a map") }),
		`{"config":{"postgres_changes_options":{"wait":"true","timeout":100}}}`: joinWith(func(j *Join) {
			j.Wait, j.Timeout = true, 100*time.Millisecond
		}),
		`{"config":{"postgres_changes_options":{"wait":true,"timeout":60000}}}`: joinWith(func(j *Join) { j.Wait, j.Timeout = true, maxWait }),
		`{"config":{"postgres_changes_options":{"wait":true,"timeout":null}}}`:  joinWith(func(j *Join) { j.Wait = true }),
		`{"config":{"postgres_changes_options":{"timeout":0}}}`: joinWith(func(j *Join) {
			j.Problems = bad("config.postgres_changes_options.timeout", "integer above 0")
		}),
		`{"config":{"postgres_changes_options":{"timeout":1.5}}}`: joinWith(func(j *Join) {
			j.Problems = bad("config.postgres_changes_options.timeout", "integer above 0")
		}),
		`{"config":{"postgres_changes_options":[]}}`: joinWith(func(j *Join) { j.Problems = bad("config.postgres_changes_options", "a map") }),
	} {
		if diff := cmp.Diff(parseJoin(t, payload), want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", payload, diff)
		}
	}
}

func TestJoinsThatAreRefused(t *testing.T) {
	const unknown, invalid = codes.UnknownErrorOnChannel, codes.InvalidJoinPayload
	many := `{"config":{"postgres_changes":[` + strings.Repeat(`{},`, maxEntries) + `{}]}}`
	for payload, want := range map[string]codes.Code{
		``: unknown, `null`: unknown, `"foo"`: unknown, `[1]`: unknown, `5`: unknown, `{`: unknown, "{\"\xff\":1}": unknown, ` `: unknown,
		`{"config":"x"}`: unknown, `{"config":1}`: unknown, `{"config":true}`: unknown, `{"config":[]}`: unknown,
		`{"config":{"broadcast":"x"}}`: unknown, `{"config":{"broadcast":5}}`: unknown, `{"config":{"broadcast":true}}`: unknown,
		`{"config":{"broadcast":[]}}`: unknown, `{"config":{"postgres_changes":["x"]}}`: unknown, `{"config":{"postgres_changes":[{},[]]}}`: unknown,
		`{"config":{"private":"yes"}}`: invalid, `{"config":{"private":1}}`: invalid, `{"config":{"private":" true"}}`: invalid,
		`{"config":{"private":{}}}`: invalid, many: invalid,
	} {
		j, err := ParseJoin([]byte(payload))
		fault, ok := errors.AsType[*codes.Fault](err)
		if j != nil || !ok || fault.Code != want || fault.Text == "" {
			t.Errorf("%.60s: %+v, %v; want %s", payload, j, err, want)
		}
	}
}

func TestPresenceKeys(t *testing.T) {
	for raw, want := range map[string]string{
		`null`: "", `""`: "", `"   "`: "", `"\u00a0"`: "", `"k"`: "k", `" k "`: " k ", `5`: "5", `-0`: "0", `1.5`: "1.5", `1.50`: "1.5", `100.0`: "100.0", `1e2`: "100.0",
		`1e30`: "1e+30", `123456789012345678901234567890`: "123456789012345678901234567890", `true`: "true", `false`: "false",
		`["a","b"]`: "ab", `["a",["b",["c"]],100]`: "abcd", `[]`: "", `[233]`: "é",
	} {
		got, ok := presenceKey([]byte(raw))
		if got != want || !ok {
			t.Errorf("presenceKey(%s) = %q, %v; want %q", raw, got, ok, want)
		}
	}
	for _, raw := range []string{`{}`, `{"a":1}`, `[{}]`, `["a",null]`, `[1.5]`, `[-1]`, `[55296]`, `[1114112]`, `[99999999999999999999]`, `["a",[true]]`} {
		if got, ok := presenceKey([]byte(raw)); ok || got != "" {
			t.Errorf("presenceKey(%s) = %q, %v; want a UUID to be asked for", raw, got, ok)
		}
	}
}

func TestReplayParameters(t *testing.T) {
	for raw, want := range map[string]Replay{
		`{"since":0,"limit":10}`:                 {Limit: 10},
		`{"since":1700000000000}`:                {SinceMillis: 1700000000000, Limit: 25},
		`{"since":1,"limit":null}`:               {SinceMillis: 1, Limit: 25},
		`{"since":1,"limit":0}`:                  {SinceMillis: 1, Limit: 1},
		`{"since":1,"limit":-3}`:                 {SinceMillis: 1, Limit: 1},
		`{"since":1,"limit":100}`:                {SinceMillis: 1, Limit: 25},
		`{}`:                                     {Limit: 25},
		`{"since":null}`:                         {Limit: 25},
		`{"since":253402300799999,"extra":true}`: {SinceMillis: 253402300799999, Limit: 25},
	} {
		got := parseJoin(t, `{"config":{"private":true,"broadcast":{"replay":`+raw+`}}}`).Replay
		if diff := cmp.Diff(got, &want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", raw, diff)
		}
	}
	for _, raw := range []string{
		`{"since":"5"}`, `{"since":1.5}`, `{"since":1e3}`, `{"since":253402300800000}`, `{"since":-62167219200001}`, `{"since":99999999999999999999}`,
		`{"since":1,"limit":"10"}`, `{"since":1,"limit":2.0}`, `{"since":true}`, `{"since":{}}`,
	} {
		got := parseJoin(t, `{"config":{"broadcast":{"replay":`+raw+`}}}`).Replay
		if want := "UnableToReplayMessages: Replay params are not valid"; got == nil || got.Err == nil || codes.Of(got.Err).Reason() != want {
			t.Errorf("%s: %+v, want %s", raw, got, want)
		}
	}
}

func TestTokenOfAChannel(t *testing.T) {
	for payload, want := range map[string]string{
		`{}`:                                        "conn",
		`{"access_token":null}`:                     "conn",
		`{"access_token":5}`:                        "conn",
		`{"access_token":"sb_x"}`:                   "conn",
		`{"user_token":"sb_x"}`:                     "conn",
		`{"access_token":"a"}`:                      "a",
		`{"access_token":""}`:                       "",
		`{"user_token":"u"}`:                        "u",
		`{"access_token":"a","user_token":"u"}`:     "u",
		`{"access_token":"a","user_token":"sb_x"}`:  "sb_x",
		`{"access_token":"sb_x","user_token":"u"}`:  "conn",
		`{"access_token":"a","user_token":7}`:       "a",
		`{"access_token":false,"user_token":"u"}`:   "u",
		`{"access_token":null,"user_token":"sb_x"}`: "conn",
	} {
		if got := parseJoin(t, payload).Token("conn"); got != want {
			t.Errorf("%s: token %q, want %q", payload, got, want)
		}
	}
}

// A join is kept for as long as the channel lives, the frame is not.
func TestJoinOwnsItsMemory(t *testing.T) {
	payload := []byte(`{"config":{"presence":{"key":"kkkk"},"postgres_changes":[{"event":"INSERT","schema":"public","select":["aaaa"]}]},"access_token":"tttt"}`)
	j, err := ParseJoin(payload)
	if err != nil {
		t.Fatal(err)
	}
	before := fmt.Sprintf("%+v %s %s %s", j, *j.AccessToken, *j.Changes[0].Event, j.Changes[0].Raw)
	clear(payload)
	if after := fmt.Sprintf("%+v %s %s %s", j, *j.AccessToken, *j.Changes[0].Event, j.Changes[0].Raw); after != before {
		t.Errorf("was %s, is %s", before, after)
	}
}
