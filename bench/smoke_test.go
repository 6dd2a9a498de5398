package bench

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFanoutArrives(t *testing.T) {
	for name, o := range map[string]Options{
		"closed loop":           {Subscribers: 20, Outstanding: 8},
		"paced":                 {Subscribers: 10, Rate: 200},
		"one at a time":         {Subscribers: 10, Outstanding: 1},
		"both serializers":      {Subscribers: 10, Serializer: "mixed"},
		"version 1":             {Subscribers: 5, Serializer: "v1"},
		"many channels":         {Subscribers: 10, Channels: 5},
		"many on each socket":   {Subscribers: 4, Channels: 10, PerSocket: 10},
		"several threads":       {Subscribers: 10, Threads: 2},
		"long messages":         {Subscribers: 3, Payload: 300_000, Outstanding: 2},
		"messages of nothing":   {Subscribers: 3, Payload: 1},
		"a long one, version 1": {Subscribers: 3, Payload: 100_000, Outstanding: 2, Serializer: "v1"},
	} {
		t.Run(name, func(t *testing.T) {
			o.Scenario = "fanout"
			r := smoke(t, o)
			positive(t, r, "deliveries_per_second", "published_per_second", "server_memory_peak", "latency_p50")
		})
	}
}

func TestChangesArrive(t *testing.T) {
	for name, o := range map[string]Options{
		"open table":  {Policy: "none"},
		"uid":         {Policy: "uid"},
		"own row":     {Policy: "own-row"},
		"membership":  {Policy: "membership"},
		"of one room": {Policy: "membership", Entitled: "one"},
		"opaque":      {Policy: "opaque", Rate: 200},
		"opaque-once": {Policy: "opaque-once", Entitled: "one", Backlog: 100},
		"filter":      {Filter: "eq", Claims: 450},
		"backlog":     {Policy: "own-row", Backlog: 500},
	} {
		t.Run(name, func(t *testing.T) {
			o.Scenario, o.Subscribers, o.Batch, o.Outstanding, o.Duration = "changes", 4, 20, 60, time.Second
			positive(t, smoke(t, o), "rows_per_second")
		})
	}
}

func TestABaselineThatIsNotThereIsSaid(t *testing.T) {
	r := smoke(t, Options{Scenario: "changes", Subscribers: 2, Batch: 5, Outstanding: 10, Baseline: true})
	if !slices.ContainsFunc(r.Notes, func(n string) bool { return strings.HasPrefix(n, "no baseline: ") }) {
		t.Errorf("got %q", r.Notes)
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	for _, o := range []Options{
		{Scenario: "fan"},
		{Scenario: "fanout", Serializer: "v3"},
		{Scenario: "fanout", PerSocket: 2},
		{Scenario: "fanout", Rate: -1},
		{Scenario: "slow", Stalled: 1},
		{Scenario: "offenders", Kind: "polite"},
		{Scenario: "changes", Policy: "all"},
	} {
		if _, err := Run(t.Context(), o, &Target{URL: "http://127.0.0.1:1", Token: "x"}); err == nil {
			t.Errorf("%+v: got no error", o)
		}
	}
	if _, err := Run(t.Context(), Options{Scenario: "fanout"}, &Target{URL: "https://127.0.0.1:1", Token: "x"}); err == nil {
		t.Error("https: got no error")
	}
}

func TestConnectionsAreWeighed(t *testing.T) {
	r := smoke(t, Options{Scenario: "conns", Subscribers: 120, Channels: 5})
	positive(t, r, "connects_per_second")
	if n, _ := r.Value("connections"); n != 120 {
		t.Errorf("got %v connections, want 120", n)
	}
}

func TestVisitorsJoin(t *testing.T) {
	for _, reuse := range []bool{false, true} {
		positive(t, smoke(t, Options{Scenario: "joins", Outstanding: 4, Reuse: reuse}), "joins_per_second", "latency_p50")
	}
}

func TestAllMembersSeeAll(t *testing.T) {
	r := smoke(t, Options{Scenario: "presence", Subscribers: 12, Duration: 600 * time.Millisecond})
	positive(t, r, "all_see_all_from_first")
}

func TestDatabaseBroadcastsArrive(t *testing.T) {
	positive(t, smoke(t, Options{Scenario: "db-broadcast", Subscribers: 5, Batch: 5, Outstanding: 20}), "rows_per_second")
}

func TestRoomsHearTheirSpeakers(t *testing.T) {
	positive(t, smoke(t, Options{Scenario: "mixed", Subscribers: 20, Channels: 10, PerSocket: 2, Rate: 300}), "deliveries_per_second")
}

func TestRoomsStandChurn(t *testing.T) {
	r := smoke(t, Options{
		Scenario: "mixed", Subscribers: 30, Channels: 10, PerSocket: 2, Rate: 400, Churn: true, Duration: 3 * time.Second, Serializer: "mixed",
	})
	positive(t, r, "deliveries_per_second", "left_and_joined", "connections_lost", "stalled")
}

func TestThoseWhoReadDoNotWaitForTheOthers(t *testing.T) {
	r := smoke(t, Options{Scenario: "slow", Subscribers: 10, Payload: 20_000, Rate: 100, Duration: time.Second})
	positive(t, r, "deliveries_per_second", "cut", "latency_p99_ratio")
}

func TestOffendersAreBorne(t *testing.T) {
	for kind, n := range map[string]int{"line-rate": 1, "never-reads": 2, "one-byte": 1, "half-open": 20, "storm": 2} {
		r := smoke(t, Options{Scenario: "offenders", Kind: kind, Offenders: n, Subscribers: 5, Rate: 100})
		positive(t, r, "deliveries_per_second", "offender_connections", "latency_p99_ratio", "connect_slowest")
	}
}
