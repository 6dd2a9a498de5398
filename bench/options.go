package bench

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"realtime/protocol"
)

// Options are one scenario's. The zero value of each field takes the scenario's default.
type Options struct {
	Scenario    string        `json:"scenario"`
	Subscribers int           `json:"subscribers,omitempty"` // connections that listen
	Channels    int           `json:"channels,omitempty"`
	PerSocket   int           `json:"per_socket,omitempty"`  // channels on each connection
	Payload     int           `json:"payload,omitempty"`     // bytes of each message's JSON
	Rate        float64       `json:"rate,omitempty"`        // messages a second; 0 for a closed loop
	Outstanding int           `json:"outstanding,omitempty"` // messages under way in a closed loop
	Warmup      time.Duration `json:"warmup,omitempty"`
	Duration    time.Duration `json:"duration,omitempty"`
	Serializer  string        `json:"serializer,omitempty"` // v1, v2, mixed
	Threads     int           `json:"threads,omitempty"`    // of the generator

	Policy   string `json:"policy,omitempty"`   // changes: none, uid, membership, opaque, opaque-once, own-row
	Filter   string `json:"filter,omitempty"`   // changes: none, eq
	Entitled string `json:"entitled,omitempty"` // changes: all, one: who may see a row
	Batch    int    `json:"batch,omitempty"`    // changes, db-broadcast: rows of a transaction
	Claims   int    `json:"claims,omitempty"`   // changes: bytes of the claims of each subscriber
	Backlog  int    `json:"backlog,omitempty"`  // changes: rows of one transaction to work off
	Baseline bool   `json:"baseline,omitempty"` // changes: ask the original's functions too

	Stalled   float64 `json:"stalled,omitempty"`   // slow, mixed: share of the subscribers that stop reading
	Churn     bool    `json:"churn,omitempty"`     // mixed: joins, leaves, lost connections, stalled peers
	Kind      string  `json:"kind,omitempty"`      // offenders: line-rate, never-reads, one-byte, half-open, storm
	Offenders int     `json:"offenders,omitempty"` // offenders: how many; 0 is what its kind has by default
	Reuse     bool    `json:"reuse,omitempty"`     // joins: on open connections
	Private   bool    `json:"private,omitempty"`   // joins: of private channels, under a policy that looks at a table

	Program string         `json:"-"` // this program, started again to act as offenders
	Show    func(Progress) `json:"-"` // called every quarter of a second; nil shows nothing
}

// scenario is one kind of load.
type scenario struct {
	name     string
	help     string
	defaults Options
	run      func(*session) error
}

// scenarios are all of them, in the order of the documents.
func scenarios() []scenario {
	return []scenario{
		{"fanout", "one publisher, many subscribers", Options{Subscribers: 1000, Payload: 200, Outstanding: 64}, fanout},
		{"conns", "connections that join one channel and say nothing", Options{Subscribers: 10_000, Channels: 100}, conns},
		{"joins", "visitors that connect, join and go", Options{Subscribers: 1, Channels: 100, Outstanding: 64}, joins},
		{"presence", "members of one topic who all see all", Options{Subscribers: 200, Payload: 100, Outstanding: 1}, presence},
		{"changes", "rows of a table to those who may see them", Options{
			Subscribers: 100, Policy: "none", Filter: "none", Entitled: "all", Batch: 100, Payload: 100, Outstanding: 2000,
		}, changes},
		{"db-broadcast", "realtime.send in SQL", Options{Subscribers: 100, Batch: 20, Payload: 200, Outstanding: 400}, dbBroadcast},
		{"mixed", "chat rooms: 1,000 channels of 20 members", Options{
			Subscribers: 2000, Channels: 1000, PerSocket: 10, Payload: 200, Rate: 2000,
		}, mixed},
		{"offenders", "clients that behave badly, beside a fan-out", Options{Subscribers: 100, Payload: 200, Rate: 200, Kind: "line-rate"}, offenders},
		{"slow", "subscribers that stop reading", Options{Subscribers: 100, Payload: 200, Rate: 1000, Stalled: 0.2}, slow},
	}
}

// Scenario names one scenario and says what it is.
type Scenario struct{ Name, Help string }

// Scenarios lists all there are.
func Scenarios() (all []Scenario) {
	for _, s := range scenarios() {
		all = append(all, Scenario{s.name, s.help})
	}
	return all
}

func findScenario(name string) (scenario, error) {
	var names []string
	for _, s := range scenarios() {
		if s.name == name {
			return s, nil
		}
		names = append(names, s.name)
	}
	return scenario{}, fmt.Errorf("find scenario %q: there are %s", name, strings.Join(names, ", "))
}

// fill fills in what was not said.
func (o *Options) fill(d Options) {
	set := func(to *int, def int) {
		if *to == 0 {
			*to = def
		}
	}
	word := func(to *string, def string) {
		if *to == "" {
			*to = def
		}
	}
	set(&o.Subscribers, d.Subscribers)
	set(&o.Channels, max(d.Channels, 1))
	set(&o.PerSocket, max(d.PerSocket, 1))
	set(&o.Payload, d.Payload)
	set(&o.Batch, d.Batch)
	set(&o.Threads, 1)
	word(&o.Serializer, "v2")
	word(&o.Policy, d.Policy)
	word(&o.Filter, d.Filter)
	word(&o.Entitled, d.Entitled)
	word(&o.Kind, d.Kind)
	set(&o.Offenders, offences()[o.Kind].many)
	if o.Rate == 0 && o.Outstanding == 0 {
		o.Rate, o.Outstanding = d.Rate, d.Outstanding
	}
	if o.Warmup == 0 {
		o.Warmup = time.Second
	}
	if o.Duration == 0 {
		o.Duration = max(d.Duration, 5*time.Second)
	}
	if o.Stalled == 0 {
		o.Stalled = d.Stalled
	}
}

func (o *Options) check(peer bool) error {
	one := func(flag, got string, want ...string) error {
		if got == "" || slices.Contains(want, got) {
			return nil
		}
		return fmt.Errorf("read --%s=%q: want one of %s", flag, got, strings.Join(want, ", "))
	}
	for _, err := range []error{
		one("serializer", o.Serializer, "v1", "v2", "mixed"),
		one("policy", o.Policy, "none", "uid", "membership", "opaque", "opaque-once", "own-row"),
		one("filter", o.Filter, "none", "eq"),
		one("entitled", o.Entitled, "all", "one"),
		one("kind", o.Kind, slices.Sorted(maps.Keys(offences()))...),
	} {
		if err != nil {
			return err
		}
	}
	switch {
	case peer && (o.Scenario != "fanout" || o.Channels != 1):
		return errors.New("read the options: a yardstick knows one thing only, fanout on one channel")
	case o.Subscribers < 1 || o.Channels < 1 || o.PerSocket < 1 || o.Payload < 0 || o.Rate < 0 || o.Outstanding < 0 || o.Batch < 0:
		return fmt.Errorf("read the options: a number below its least value in %+v", *o)
	case o.PerSocket > o.Channels:
		return fmt.Errorf("read --per-socket=%d: there are only %d channels", o.PerSocket, o.Channels)
	case o.Channels*o.Subscribers > maxStreams:
		return fmt.Errorf("read --channels=%d: too many streams to tell apart", o.Channels)
	case o.Stalled < 0 || o.Stalled >= 1:
		return fmt.Errorf("read --stalled=%g: want a share from 0 to below 1", o.Stalled)
	}
	return nil
}

// version is the serializer of connection i.
func (o *Options) version(i int) protocol.Version {
	if o.Serializer == "v1" || o.Serializer == "mixed" && i%2 == 1 {
		return protocol.V1
	}
	return protocol.V2
}
