package changes

import (
	"fmt"
	"testing"

	"realtime/postgres/wal"
)

// BenchmarkOpenTable decides and hands over the rows of a table without row security, end to end.
func BenchmarkOpenTable(b *testing.B) {
	benchRows(b, "alter table public.docs disable row level security")
}

// BenchmarkOpaquePolicy reads each row again for each claims.
func BenchmarkOpaquePolicy(b *testing.B) { benchRows(b, "select 1") }

func benchRows(b *testing.B, setup string) {
	for _, subscribers := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("subs=%d", subscribers), func(b *testing.B) {
			r := newRig(b, append(append([]string(nil), docs...), setup)...)
			for i := range subscribers {
				r.engine.Subscribe(Subscription{
					Member: i, Group: "all", Role: authenticated, Claims: claimsOf(fmt.Sprintf("00000000-0000-4000-8000-%012d", i)),
					Entries: entries(b, allOfDocs),
				})
			}
			r.until("the answers", func() bool { return len(r.answers[subscribers-1]) == 1 })
			r.mu.Lock()
			r.only = "marker"
			r.mu.Unlock()
			id := 0
			b.ResetTimer()
			for b.Loop() {
				r.exec(fmt.Sprintf(`insert into public.docs select g, ('00000000-0000-4000-8000-' || lpad((g %% %d)::text, 12, '0'))::uuid, 'hello'
					from generate_series(%d, %d) g`, subscribers, id+1, id+100))
				id += 100
				r.settle()
			}
			b.ReportMetric(float64(id)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// BenchmarkIndex finds the one of many that wants a row.
func BenchmarkIndex(b *testing.B) {
	t, m := indexTable()
	for i := range 10_000 {
		t.index.add(&entry{
			sub: &subscriber{}, spec: &Spec{}, table: t, plan: &plan{tier: tierReread}, events: [opCount]bool{true, true, true},
			eqs: []equality{{column: 0, canon: canonBytes, values: []string{fmt.Sprint(i)}}},
		})
	}
	row := &wal.Row{Op: wal.Insert, New: wal.Tuple{{Kind: wal.Text, Data: []byte("4711")}, {Kind: wal.Null}, {Kind: wal.Null}, {Kind: wal.Null}}}
	b.ReportAllocs()
	for b.Loop() {
		if f := t.index.find(m, row); len(f.loose) != 1 {
			b.Fatalf("got %d entries", len(f.loose))
		}
	}
}
