package authz

import (
	"strconv"
	"sync/atomic"
	"testing"
)

const memberPolicy = `create policy p1 on realtime.messages for all to authenticated
	using (exists (select from public.members m where m.user_id = (select auth.uid()) and m.topic = (select realtime.topic())))
	with check (exists (select from public.members m where m.user_id = (select auth.uid()) and m.topic = (select realtime.topic())))`

func benchTenant(b *testing.B) *Cache {
	b.Helper()
	c := cache(b, tenant(b, `create table public.members (topic text, user_id uuid, primary key (topic, user_id))`,
		`insert into public.members select 'room-' || n, '`+alice+`' from generate_series(1, 1000) as n`, memberPolicy), 2)
	ask(b, c, as(alice, "room-1"))
	return c
}

// BenchmarkCold asks the database every time, from two goroutines, about membership in a table.
func BenchmarkCold(b *testing.B) {
	c := benchTenant(b)
	b.SetParallelism(2)
	var n atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := c.Check(b.Context(), as(alice, "room-"+strconv.FormatInt(n.Add(1), 10))); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
}

// BenchmarkCached asks what is known.
func BenchmarkCached(b *testing.B) {
	c := benchTenant(b)
	r := as(alice, "room-1")
	r.Wants = []Decision{ReadBroadcast}
	for b.Loop() {
		if g, err := c.Check(b.Context(), r); err != nil || !g.May(ReadBroadcast) {
			b.Fatal(g, err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
}
