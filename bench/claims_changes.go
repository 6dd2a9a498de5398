package bench

import "fmt"

// changesProofs are the claims about Postgres Changes.
func changesProofs() (proofs []Proof) {
	for _, policy := range []string{"none", "own-row"} {
		proofs = append(proofs, Proof{
			Name: "changes-backlog-" + policy,
			Load: Options{Scenario: "changes", Subscribers: 100, Policy: policy, Entitled: "one", Filter: filterOf(policy), Backlog: 200_000},
			Claims: []Claim{
				{"rows decided, 100 subscribers, policy " + policy, "rows_per_second", "", 0, 50_000, "/s"},
				{"the same, by what a walsender gives a reader that drops it", "share_of_walsender", "", 0, 0.4, ""},
			},
		})
	}
	for _, p := range []struct {
		subscribers int
		least       float64
	}{{1, 25_000}, {100, 7000}, {1000, 1000}} {
		load := Options{Scenario: "changes", Subscribers: p.subscribers, Policy: "opaque-once", Entitled: "one", Backlog: int(p.least) * 3}
		proofs = append(proofs, Proof{
			Name: fmt.Sprintf("changes-opaque-once-%d", p.subscribers), Load: load,
			Claims: []Claim{
				{fmt.Sprintf("rows decided, subscribers: %d, an unknown function that is called once for each claims", p.subscribers), "rows_per_second", "", 0, p.least, "/s"},
			},
		})
		if load.Policy = "opaque"; p.subscribers > 1 {
			proofs = append(proofs, Proof{
				Name: fmt.Sprintf("changes-opaque-%d", p.subscribers), Load: load,
				Claims: []Claim{{
					fmt.Sprintf("the same, called for each row and claims, subscribers: %d, by what Postgres needs for the policy alone", p.subscribers),
					"share_of_policy", "", 0, 0.5, "",
				}},
			})
		}
	}
	for _, subscribers := range []int{10, 100, 500} {
		proofs = append(proofs, Proof{
			Name: fmt.Sprintf("changes-all-%d", subscribers),
			Load: Options{
				Scenario: "changes", Subscribers: subscribers, Policy: "uid", Batch: 1000, Outstanding: max(4000, 400_000/subscribers), Duration: 4 * second,
			},
			Claims: []Claim{
				{fmt.Sprintf("every row to all of %d subscribers, row security on: deliveries", subscribers), "deliveries_per_second", "", 0, 300_000, "/s"},
			},
		})
	}
	for _, subscribers := range []int{1, 100, 1000} {
		proofs = append(proofs, Proof{
			Name: fmt.Sprintf("changes-own-%d", subscribers),
			Load: Options{Scenario: "changes", Subscribers: subscribers, Policy: "own-row", Batch: 1000, Outstanding: 10_000, Duration: 4 * second},
			Claims: []Claim{
				{fmt.Sprintf("each row to its owner, one of %d, while rows are written: rows", subscribers), "rows_per_second", "", 0, 20_000, "/s"},
			},
		})
	}
	return append(proofs,
		Proof{
			Name: "changes-latency", Load: Options{Scenario: "changes", Subscribers: 1000, Policy: "own-row", Rate: 100, Batch: 1, Duration: 4 * second},
			Claims: []Claim{{"a row to its owner, one of 1,000, from its commit on: p50", "commit_to_client_p50", "", 5, 0, "ms"}},
		},
		Proof{
			Name: "changes-latency-opaque", Load: Options{Scenario: "changes", Subscribers: 1000, Policy: "opaque", Rate: 10, Batch: 1, Duration: 4 * second},
			Claims: []Claim{{"a row to all of 1,000 under a policy with an unknown function, from its commit on: p50", "commit_to_client_p50", "", 25, 0, "ms"}},
		},
		Proof{
			Name: "changes-memory", Load: Options{Scenario: "changes", Subscribers: 10_000, Policy: "own-row", Claims: 450, Rate: 100, Batch: 10, Duration: 2 * second},
			Claims: []Claim{
				{"memory in use for each of 10,000 subscriptions with claims of 450 bytes, connections apart", "live_bytes_per_subscription", "", 2048, 0, "B"},
			},
		},
	)
}

// filterOf makes each row of an open table one subscriber's as well.
func filterOf(policy string) string {
	if policy == "none" {
		return "eq"
	}
	return ""
}
