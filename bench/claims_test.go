package bench

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// TestEveryClaimCanBeChecked runs each claim's load with tiny numbers: what it looks for must be among what is found.
func TestEveryClaimCanBeChecked(t *testing.T) {
	target := spawned(t)
	seen := map[string]bool{}
	for _, p := range Proofs() {
		if seen[p.Name] {
			t.Errorf("there are two proofs named %s", p.Name)
		}
		seen[p.Name] = true
		o := p.Load
		o.Program, o.Warmup, o.Duration = house.program, 20*time.Millisecond, 200*time.Millisecond
		o.Subscribers, o.Channels, o.PerSocket = min(max(o.Subscribers, 8), 8), min(o.Channels, 4), min(o.PerSocket, 4)
		o.Outstanding, o.Backlog, o.Rate, o.Batch = min(o.Outstanding, 8), min(o.Backlog, 50), min(o.Rate, 100), min(o.Batch, 8)
		switch o.Scenario {
		case "mixed":
			o.Channels, o.PerSocket = 4, 1
		case "offenders":
			o.Offenders = 8
		case "conns":
			o.Subscribers = 60
		case "slow":
			o.Payload, o.Duration = 30_000, time.Second
		}
		r, err := Run(t.Context(), o, target)
		if err == nil && len(p.missing(r)) > 0 { // a busy machine may stand still for so long
			o.Duration = 3 * time.Second
			r, err = Run(t.Context(), o, target)
		}
		if err != nil {
			t.Errorf("%s: %v", p.Name, err)
			continue
		}
		if !r.Check.Clean() {
			t.Errorf("%s: got %+v", p.Name, r.Check)
		}
		for _, figure := range p.missing(r) {
			t.Errorf("%s: the run has no figure %s", p.Name, figure)
		}
		for _, c := range p.Claims {
			if (c.Most == 0) == (c.Least == 0) {
				t.Errorf("%s: %s has no bound, or two", p.Name, c.What)
			}
		}
	}
}

func TestClaimsAreJudged(t *testing.T) {
	report := &Report{}
	for _, v := range []float64{1, 3, 2} {
		for name, factor := range map[string]float64{"realtime": 1, "floor": 2} {
			r := &Result{Server: name}
			r.cost("c", v*factor, "s", "")
			report.Results = append(report.Results, r)
		}
	}
	for _, c := range []struct {
		claim Claim
		found float64
		holds bool
	}{
		{Claim{Figure: "c", Most: 2}, 2, true},
		{Claim{Figure: "c", Most: 1.9}, 2, false},
		{Claim{Figure: "c", Least: 2.1}, 2, false},
		{Claim{Figure: "c", By: "floor", Most: 0.5}, 0.5, true},
		{Claim{Figure: "c", By: "floor", Most: 0.4}, 0.5, false},
		{Claim{Figure: "d", Most: 1}, 0, false},
		{Claim{Figure: "c", By: "nats", Most: 1}, 0, false},
	} {
		if v := c.claim.judge(report, nil); v.Found != c.found || v.Holds() != c.holds {
			t.Errorf("%+v: got %v, holds %v", c.claim, v.Found, v.Holds())
		}
	}
	if v := (Claim{Figure: "c", Most: 2}).judge(report, errors.New("it broke")); v.Holds() {
		t.Error("a run that failed proves something")
	}
}

func TestCommandsSayWhatIsRun(t *testing.T) {
	p := Proof{Load: Options{Scenario: "fanout", Subscribers: 5, Rate: 40, Duration: 3 * time.Second}, Repeat: 3, Beside: []string{"floor", "nats"}}
	if got, want := p.Command(), "realtime bench fanout --subscribers=5 --rate=40 --duration=3s --spawn --repeat=3 --against=floor,nats"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if doc := ClaimsDocument(); !strings.Contains(doc, "server_cpu_per_million") || strings.Contains(doc, "%!") {
		t.Error("the document is not what it should be")
	}
}

// missing are the figures that p looks for and r does not have.
func (p Proof) missing(r *Result) (names []string) {
	for _, c := range p.Claims {
		if _, ok := r.value(c.Figure); !ok && c.Figure != "live_bytes_per_subscription" { // that one wants a thousand of them
			names = append(names, c.Figure)
		}
	}
	return names
}
