package bench

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Claim is one thing said about the server's speed or memory, and its bound.
type Claim struct {
	What   string  // for people
	Figure string  // of the result
	By     string  // divide it by the same figure of: floor, nats, base (the same load in its plain form); "" takes it as it is
	Most   float64 // 0: no upper bound
	Least  float64 // 0: no lower bound
	Unit   string
}

// Proof is one command and the claims that it checks.
type Proof struct {
	Name   string
	Load   Options
	Repeat int      // how often, each time beside what it is compared with; 0 is once
	Beside []string // yardsticks
	Base   *Options // another load to compare with
	Claims []Claim
}

const second = time.Second

// Proofs are all claims. docs/claims.md is made of them.
func Proofs() []Proof {
	return slices.Concat(fanoutProofs(), offenderProofs(), connectionProofs(), changesProofs())
}

func fanoutProofs() []Proof {
	fan := func(subscribers int, rate float64, outstanding int) Options {
		return Options{Scenario: "fanout", Subscribers: subscribers, Rate: rate, Outstanding: outstanding, Duration: 3 * second}
	}
	proofs := []Proof{
		{"fanout-100", fan(100, 0, 64), 2, []string{"nats"}, nil, []Claim{
			{"fan-out to 100, 64 under way: deliveries", "deliveries_per_second", "", 0, 1.5e6, "/s"},
		}},
		{"fanout-1000", fan(1000, 0, 64), 3, []string{"nats"}, nil, []Claim{
			{"fan-out to 1,000, 64 under way: CPU per million deliveries", "server_cpu_per_million", "", 0.30, 0, "s"},
			{"the same, by nats-server's WebSocket", "server_cpu_per_million", "nats", 1.0 / 8, 0, ""},
			{"fan-out to 1,000: deliveries", "deliveries_per_second", "", 0, 1.5e6, "/s"},
		}},
		{"fanout-5000", fan(5000, 0, 64), 2, nil, nil, []Claim{
			{"fan-out to 5,000: CPU per million deliveries", "server_cpu_per_million", "", 0.40, 0, "s"},
			{"fan-out to 5,000: deliveries", "deliveries_per_second", "", 0, 1.5e6, "/s"},
		}},
		{"fanout-paced", fan(1000, 40, 0), 3, []string{"floor", "nats"}, nil, []Claim{
			{"40 broadcasts a second to 1,000: CPU by a C program's send(2)", "server_cpu_per_million", "floor", 1.4, 0, ""},
			{"the same, by nats-server's WebSocket", "server_cpu_per_million", "nats", 0.8, 0, ""},
		}},
		{"fanout-one", fan(1000, 0, 1), 3, []string{"floor"}, nil, []Claim{
			{"one broadcast at a time to 1,000: CPU by a C program's send(2)", "server_cpu_per_million", "floor", 1.4, 0, ""},
			{"one at a time to 1,000: p99", "latency_p99", "", 50, 0, "ms"},
		}},
		{
			"fanout-mixed",
			Options{Scenario: "fanout", Serializer: "mixed", Outstanding: 64, Duration: 3 * second},
			3, nil,
			&Options{Scenario: "fanout", Outstanding: 64, Duration: 3 * second},
			[]Claim{
				{"both serializers, half and half: CPU by one serializer", "server_cpu_per_million", "base", 1.3, 0, ""},
			},
		},
		{"many-channels", Options{Scenario: "fanout", Subscribers: 100, Channels: 100, PerSocket: 100, Rate: 500, Duration: 3 * second}, 0, nil, nil, []Claim{
			{"100 channels on each of 100 sockets, 50,000 deliveries a second: p99", "latency_p99", "", 100, 0, "ms"},
		}},
		{"mixed", Options{Scenario: "mixed", Duration: 5 * second}, 0, nil, nil, []Claim{
			{"1,000 rooms of 20, 2,000 messages a second: p99", "latency_p99", "", 100, 0, "ms"},
		}},
		{"slow", Options{Scenario: "slow", Subscribers: 100, Rate: 2000, Stalled: 0.2, Duration: 12 * second}, 0, nil, nil, []Claim{
			{"20 % stalled: p99 of the others, by p99 without them", "latency_p99_ratio", "", 2, 0, ""},
			{"memory for each stalled subscriber", "memory_per_stalled", "", 1.2e6, 0, "B"},
			{"until the last of them is cut", "cut_after", "", 11, 0, "s"},
		}},
	}
	for _, kb := range []int{1, 10, 100, 1000, 3000} {
		proofs = append(proofs, Proof{
			Name: fmt.Sprintf("payload-%dk", kb), Load: Options{Scenario: "fanout", Subscribers: 20, Payload: kb * 1000, Outstanding: 1, Duration: 2 * second},
			Claims: []Claim{{fmt.Sprintf("payloads of %d KB arrive, nobody is cut: deliveries", kb), "deliveries_per_second", "", 0, 1, "/s"}},
		})
	}
	return proofs
}

func connectionProofs() []Proof {
	proofs := []Proof{
		{"conns", Options{Scenario: "conns", Subscribers: 10_000, Duration: 15 * second}, 0, nil, nil, []Claim{
			{"resident memory for each of 10,000 idle joined connections", "bytes_per_connection", "", 12 << 10, 0, "B"},
		}},
		{"joins", Options{Scenario: "joins", Duration: 5 * second, Reuse: true}, 0, nil, nil, []Claim{
			{"joins of public channels, sustained", "joins_per_second", "", 0, 3000, "/s"},
		}},
		{"joins-paced", Options{Scenario: "joins", Rate: 500, Duration: 5 * second, Reuse: true}, 0, nil, nil, []Claim{
			{"500 joins a second, each from when it was due: p99", "latency_p99", "", 100, 0, "ms"},
		}},
		{"joins-private", Options{Scenario: "joins", Duration: 5 * second, Reuse: true, Private: true, Channels: 10_000, Outstanding: 32}, 0, nil, nil, []Claim{
			{"joins of private channels, a policy that looks at a table, each topic anew", "joins_per_second", "", 0, 500, "/s"},
			{"until a private channel is joined: p99", "latency_p99", "", 250, 0, "ms"},
		}},
	}
	for _, p := range []struct {
		members int
		most    float64
	}{{200, 0.15}, {500, 0.5}, {1000, 1}} {
		claims := []Claim{{fmt.Sprintf("presence: %d members all see all, from the last track", p.members), "all_see_all", "", p.most, 0, "s"}}
		if p.members == 1000 {
			claims = append(claims, Claim{"a track on a topic of 1,000 members: CPU by a broadcast", "track_by_broadcast", "", 1.5, 0, ""})
		}
		proofs = append(proofs, Proof{
			Name: "presence-" + strconv.Itoa(p.members), Load: Options{Scenario: "presence", Subscribers: p.members, Duration: 6 * second}, Claims: claims,
		})
	}
	return proofs
}

// Command is what to type to run a proof.
func (p Proof) Command() string { return "realtime bench " + p.Load.flags() + p.manner() }

// manner writes how often it is run and beside what.
func (p Proof) manner() (s string) {
	s = " --spawn"
	if p.Repeat > 1 {
		s += " --repeat=" + strconv.Itoa(p.Repeat)
	}
	if len(p.Beside) > 0 {
		s += " --against=" + strings.Join(p.Beside, ",")
	}
	return s
}

// flags writes options as the command line has them.
func (o *Options) flags() string {
	b := []string{o.Scenario}
	whole := func(name string, v int) {
		if v != 0 {
			b = append(b, "--"+name+"="+strconv.Itoa(v))
		}
	}
	word := func(name, v string) {
		if v != "" {
			b = append(b, "--"+name+"="+v)
		}
	}
	part := func(name string, v float64) {
		if v != 0 {
			b = append(b, "--"+name+"="+strconv.FormatFloat(v, 'g', -1, 64))
		}
	}
	whole("subscribers", o.Subscribers)
	whole("channels", o.Channels)
	whole("per-socket", o.PerSocket)
	whole("payload", o.Payload)
	part("rate", o.Rate)
	whole("outstanding", o.Outstanding)
	word("serializer", o.Serializer)
	word("policy", o.Policy)
	word("filter", o.Filter)
	word("entitled", o.Entitled)
	whole("batch", o.Batch)
	whole("claim-bytes", o.Claims)
	whole("backlog", o.Backlog)
	part("stalled", o.Stalled)
	word("kind", o.Kind)
	whole("offenders", o.Offenders)
	if o.Reuse {
		b = append(b, "--reuse")
	}
	if o.Private {
		b = append(b, "--private")
	}
	if o.Duration != 0 {
		b = append(b, "--duration="+o.Duration.String())
	}
	return strings.Join(b, " ")
}
