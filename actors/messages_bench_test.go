package actors

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"realtime/postgres/pgtest"
)

// BenchmarkMessages inserts 5,000 rows a second into realtime.messages, each for a topic with one subscriber, and reports how
// long a row takes from just before its commit to its client, in milliseconds.
func BenchmarkMessages(b *testing.B) {
	const topics, perTx, every = 50, 5, time.Millisecond
	s := newSite(b, Options{})
	peers := make([]*caller, topics)
	for i := range peers {
		peers[i] = s.connect(alice)
		peers[i].p.send(fmt.Sprintf(`["1","1","realtime:t%d","phx_join",{"config":{"broadcast":{"replication_ready":true}}}]`, i))
		peers[i].want(`"phx_reply",{"status":"ok"`)
		peers[i].want(`"Replication connection established"`)
	}
	took := make(chan time.Duration, b.N*perTx)
	over := make(chan struct{})
	defer close(over)
	for _, p := range peers {
		go p.clock(took, over) // ends with over
	}
	conn := pgtest.Conn(b, s.db)
	const sql = `insert into realtime.messages (topic, extension, event, payload, private)
		select 't' || ($1::bigint + i) % 50, 'broadcast', 'e', jsonb_build_object('t', $2::bigint), false from generate_series(1, $3) i`
	b.ResetTimer()
	next := time.Now()
	for i := range b.N {
		pause(time.Until(next))
		next = next.Add(every)
		if _, err := conn.Exec(b.Context(), sql, i*perTx, time.Now().UnixNano(), perTx); err != nil {
			b.Fatal(err)
		}
	}
	all := make([]time.Duration, 0, b.N*perTx)
	for len(all) < b.N*perTx {
		select {
		case d := <-took:
			all = append(all, d)
		case <-time.After(10 * time.Second):
			b.Fatalf("%d of %d rows came", len(all), b.N*perTx)
		}
	}
	b.StopTimer()
	slices.Sort(all)
	ms := func(p float64) float64 { return all[int(float64(len(all)-1)*p)].Seconds() * 1000 }
	b.ReportMetric(float64(len(all))/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(ms(0.5), "p50-ms")
	b.ReportMetric(ms(0.99), "p99-ms")
}

// clock measures rows by the time in their payload.
func (c *caller) clock(took chan<- time.Duration, over <-chan struct{}) {
	for {
		select {
		case f := <-c.ch:
			_, rest, _ := strings.Cut(f, `"t": `)
			at, _, _ := strings.Cut(rest, "}")
			if ns, err := strconv.ParseInt(at, 10, 64); err == nil {
				took <- time.Duration(time.Now().UnixNano() - ns)
			}
		case <-over:
			return
		}
	}
}
