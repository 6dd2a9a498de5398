package web

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"realtime/actors"
	"realtime/protocol"
	"realtime/protocol/codes"
)

func TestBatchIsRefusedWhole(t *testing.T) {
	const ok = `{"topic":"t","event":"e","payload":{}}`
	list := func(items string) string { return `{"errors":{"messages":` + items + `}}` }
	one := func(problem string) string { return list("[" + problem + "]") }
	for body, want := range map[string]string{
		``:                              list(`["can't be blank"]`),
		`{}`:                            list(`["can't be blank"]`),
		`[]`:                            list(`["can't be blank"]`),
		`"x"`:                           list(`["can't be blank"]`),
		`{"messages":null}`:             list(`["can't be blank"]`),
		`{"messages":[]}`:               list(`["can't be blank"]`),
		`{"messages":"x"}`:              list(`["is invalid"]`),
		`{"messages":{}}`:               list(`["is invalid"]`),
		`{"messages":[1]}`:              list(`["is invalid"]`),
		`{"messages":[` + ok + `,"x"]}`: list(`["is invalid"]`),
		`{"messages":[{"topic":"t"}]}`:  one(`{"event":["can't be blank"],"payload":["can't be blank"]}`),
		`{"messages":[{}]}`:             one(`{"topic":["can't be blank"],"event":["can't be blank"],"payload":["can't be blank"]}`),
		`{"messages":[` + ok + `,{},` + ok + `]}`:                                                    list(`[{},{"topic":["can't be blank"],"event":["can't be blank"],"payload":["can't be blank"]},{}]`),
		`{"messages":[{"topic":1,"event":true,"payload":[]}]}`:                                       one(`{"topic":["is invalid"],"event":["is invalid"],"payload":["is invalid"]}`),
		`{"messages":[{"topic":" ","event":"","payload":null}]}`:                                     one(`{"topic":["can't be blank"],"event":["can't be blank"],"payload":["can't be blank"]}`),
		`{"messages":[{"topic":"t","event":"e","payload":"s"}]}`:                                     one(`{"payload":["is invalid"]}`),
		`{"messages":[{"topic":"t","event":"e","payload":{},"private":"yes","id":1}]}`:               one(`{"private":["is invalid"],"id":["is invalid"]}`),
		`{"messages":[{"topic":"t","event":"e","payload":{},"private":1}]}`:                          one(`{"private":["is invalid"]}`),
		`{"messages":[{"topic":"t","event":"e","payload":{"a":"` + strings.Repeat("x", 93) + `"}}]}`: one(`{"payload":["Payload size exceeds tenant limit"]}`),
	} {
		_, err := parseBatch([]byte(body), 100)
		bad, isBatch := errors.AsType[*batchError](err)
		if !isBatch {
			t.Errorf("%s: %v, want a refusal", body, err)
			continue
		}
		if got := string(bad.body); got != want {
			t.Errorf("%s:\n got %s\nwant %s", body, got, want)
		}
		if !protocol.Valid(bad.body) {
			t.Errorf("%s: the answer is not JSON", body)
		}
	}
	for _, body := range []string{`{`, ` `, `{"messages":[}`, "{\"messages\":[\"\xff\"]}"} {
		if _, err := parseBatch([]byte(body), 100); !errors.Is(err, errNotJSON) {
			t.Errorf("%q: %v, want errNotJSON", body, err)
		}
	}
}

func TestBatchBecomesPublications(t *testing.T) {
	body := `{"other":1,"messages":[
		{"topic":"room:1","event":"shout","payload":{"a": 1}},
		{"topic":"t","event":"e\"","payload":{},"private":true,"id":"order-17"},
		{"topic":"t","event":"e","payload":{},"private":"1","id":null},
		{"topic":"t","event":"e","payload":{},"private":"false","id":""},
		{"topic":"x","topic":"last","event":"e","payload":{"a":"` + strings.Repeat("x", 92) + `"},"private":null}
	]}`
	got, err := parseBatch([]byte(body), 100)
	if err != nil {
		t.Fatal(err)
	}
	publication := func(topic string, private bool, payload string) actors.Publication {
		return actors.Publication{Topic: topic, Private: private, Broadcast: protocol.Broadcast{Form: protocol.FormPayload, Payload: []byte(payload)}}
	}
	want := []actors.Publication{
		publication("room:1", false, `{"type":"broadcast","event":"shout","payload":{"a": 1}}`),
		publication("t", true, `{"type":"broadcast","event":"e\"","meta":{"id":"order-17"},"payload":{}}`),
		publication("t", true, `{"type":"broadcast","event":"e","payload":{}}`),
		publication("t", false, `{"type":"broadcast","event":"e","payload":{}}`),
		publication("last", false, `{"type":"broadcast","event":"e","payload":{"a":"`+strings.Repeat("x", 92)+`"}}`),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestRateOfABatch(t *testing.T) {
	for _, c := range []struct {
		average  float64
		n, limit int
		want     string
	}{
		{0, 100, 100, ""},
		{0.5, 100, 100, "max_events_per_second is 100, counted 100.5"},
		{100, 0, 100, ""},
		{100.1, 1, 100, ""}, // Publish says so
	} {
		got := ""
		if err := overRate(c.average, c.n, c.limit); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("overRate(%v, %d, %d) = %q, want %q", c.average, c.n, c.limit, got, c.want)
		}
	}
}

func TestLimitHeaders(t *testing.T) {
	h := http.Header{}
	explainLimit(h, errors.New("something else"))
	if len(h) != 0 {
		t.Errorf("headers of another error: %v", h)
	}
	explainLimit(h, codes.Wrap(codes.MessagePerSecondRateLimitReached, &protocol.Limit{
		Name: "max_events_per_second", Limit: 100, Value: 120.5, Window: time.Minute, Reset: 1500 * time.Millisecond,
	}, ""))
	if got := h.Get("X-Limit-Hit"); got != "max_events_per_second is 100, counted 120.5 over 1m0s, free again in 1.5s" || h.Get("Retry-After") != "2" {
		t.Errorf("got %v", h)
	}
}

func FuzzBatch(f *testing.F) {
	for _, s := range []string{
		`{"messages":[{"topic":"t","event":"e","payload":{"a":1},"private":false,"id":"x"}]}`, `{"messages":[{},{"topic":" "}]}`, `{"messages":[[]]}`, `[]`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		batch, err := parseBatch(body, 1000)
		if bad, ok := errors.AsType[*batchError](err); ok && !protocol.Valid(bad.body) {
			t.Fatalf("%q: the answer %q is not JSON", body, bad.body)
		}
		if err == nil && len(batch) == 0 {
			t.Fatalf("%q: accepted without a message", body)
		}
		for _, m := range batch {
			if err == nil && (m.Topic == "" || !protocol.Valid(m.Broadcast.Payload)) {
				t.Fatalf("%q: accepted %q with payload %q", body, m.Topic, m.Broadcast.Payload)
			}
		}
	})
}
