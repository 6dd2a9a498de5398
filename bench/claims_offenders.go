package bench

import "time"

// offenderProofs are the claims about what others notice of clients that behave badly, and what those get.
func offenderProofs() (proofs []Proof) {
	for _, k := range []struct {
		kind, who string
		rate      float64
		duration  int
		repeat    int
		memory    float64
		more      []Claim
	}{
		{"line-rate", "a client that sends at line rate", 1000, 5, 3, 32e6, nil},
		{"never-reads", "20 that never read, half of them asking", 2000, 8, 1, 32e6, []Claim{
			{"the same: how many of them saw their end within the run", "offenders_ended", "", 0, 10, ""},
		}},
		{"one-byte", "a client that sends 1-byte segments", 1000, 5, 3, 32e6, nil},
		{"half-open", "10,000 half-open handshakes", 200, 20, 1, 96e6, []Claim{
			{"the same: how many of them are ended", "offenders_ended", "", 0, 10_000, ""},
			{"the same: until the last of them is", "last_ended_after", "", 20, 0, "s"}, // 4,000 come at once, 800 a second after that on two processors, 10 s each
			{"the same: slowest connect of somebody else", "connect_slowest", "", 3000, 0, "ms"},
		}},
		{"storm", "a storm of connects and disconnects", 1000, 5, 3, 64e6, []Claim{
			{"the same: slowest connect of somebody else", "connect_slowest", "", 1000, 0, "ms"},
		}},
	} {
		proofs = append(proofs, Proof{
			Name: "offenders-" + k.kind, Repeat: k.repeat,
			Load: Options{Scenario: "offenders", Kind: k.kind, Subscribers: 100, Rate: k.rate, Duration: second * time.Duration(k.duration)},
			Claims: append([]Claim{
				{k.who + ": p99 of the others, by p99 without", "latency_p99_ratio", "", 2, 0, ""},
				{"the same: growth of the server's memory", "memory_grown", "", k.memory, 0, "B"},
			}, k.more...),
		})
	}
	return proofs
}
