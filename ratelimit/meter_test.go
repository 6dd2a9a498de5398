package ratelimit

import (
	"math"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func TestBurstCountsTenTimesLessAtFirst(t *testing.T) {
	m := NewMeter()
	m.Add(200 + 600) // 200 messages to three members and one each for the sender
	if m.Exceeded(1) || m.Average() != 0 {
		t.Errorf("before the first tick: exceeded %v, average %v; want false, 0", m.Exceeded(1), m.Average())
	}
	m.Tick()
	if got, want := m.Average(), 80.0; got != want {
		t.Errorf("Average() = %v, want %v", got, want)
	}
	if !m.Exceeded(3) || !m.Exceeded(80) || m.Exceeded(81) {
		t.Errorf("exceeded 3, 80, 81: %v %v %v; want true, true, false", m.Exceeded(3), m.Exceeded(80), m.Exceeded(81))
	}
}

func TestNothingChangesBetweenTicks(t *testing.T) {
	m := NewMeter()
	m.Tick()
	m.Add(1_000_000)
	if m.Exceeded(1) {
		t.Error("a burst was noticed before the tick")
	}
	m.Tick()
	for i := range maxBuckets - 1 {
		if !m.Exceeded(1) {
			t.Fatalf("%d ticks after the burst: forgotten already", i)
		}
		m.Tick()
	}
	if !m.Exceeded(1) {
		t.Fatal("forgotten while its bucket is still among the twelve")
	}
	m.Tick()
	if m.Exceeded(1) {
		t.Error("still exceeded when the burst is out of the window")
	}
}

func TestSteadyRateIsTheAverage(t *testing.T) {
	m := NewMeter()
	for range 3 * maxBuckets {
		m.Add(5 * 70)
		m.Tick()
	}
	if got, want := m.Average(), 70.0; got != want {
		t.Errorf("Average() = %v, want %v", got, want)
	}
}

func TestChangedLimitRestarts(t *testing.T) {
	m := NewMeter()
	m.SetLimit(10)
	m.Add(1000)
	m.Tick()
	m.SetLimit(10)
	if got, want := m.Average(), 100.0; got != want {
		t.Errorf("after the same limit: Average() = %v, want %v", got, want)
	}
	m.SetLimit(20)
	if m.Average() != 0 || m.Exceeded(20) {
		t.Errorf("after another limit: average %v, exceeded %v; want 0, false", m.Average(), m.Exceeded(20))
	}
}

func TestAddIgnoresWhatIsNotPositive(t *testing.T) {
	m := NewMeter()
	m.Add(0)
	m.Add(-100)
	m.Tick()
	if got := m.Average(); got != 0 {
		t.Errorf("Average() = %v, want 0", got)
	}
}

// The ring agrees with a list that is kept in full.
func TestMeterAgreesWithPlainArithmetic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, counts := NewMeter(), []int{0}
		for _, n := range rapid.SliceOfN(rapid.IntRange(0, 10_000), 1, 60).Draw(t, "counts") {
			m.Add(n)
			m.Tick()
			counts = append(counts, n)
			last := counts[max(0, len(counts)-maxBuckets):]
			sum := 0
			for _, c := range last {
				sum += c
			}
			want := float64(sum) / float64(len(last)) / 5
			if got := m.Average(); math.Abs(got-want) > 1e-9 {
				t.Fatalf("Average() after %v = %v, want %v", counts, got, want)
			}
		}
	})
}

func TestAddsOfManyGoroutinesAreAllCounted(t *testing.T) {
	m := NewMeter()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { // ends by itself
			for range 1000 {
				m.Add(1)
				m.Exceeded(10)
				m.Average()
			}
		})
	}
	wg.Wait()
	m.Tick()
	if got, want := m.Average(), 800.0; got != want {
		t.Errorf("Average() = %v, want %v", got, want)
	}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	m := NewMeter()
	if got := testing.AllocsPerRun(100, func() { m.Add(3); m.Exceeded(100); m.Average(); m.Tick() }); got != 0 {
		t.Errorf("%v allocations, want 0", got)
	}
}

func BenchmarkAddExceeded(b *testing.B) {
	m := NewMeter()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			m.Add(2)
			m.Exceeded(100)
		}
	})
}

// Reset is what waiting shows: after that long, and not before, the average is under the limit.
func TestResetIsWhenTheAverageSinks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := NewMeter()
		m.SetLimit(rapid.IntRange(1, 50).Draw(t, "limit"))
		for range rapid.IntRange(0, 30).Draw(t, "ticks") {
			m.Add(rapid.IntRange(0, 1000).Draw(t, "events"))
			m.Tick()
		}
		wait := m.Reset()
		for ; wait > 0; wait -= Interval {
			if m.Average() < float64(m.limit) {
				t.Fatalf("under the limit %s before its reset", wait)
			}
			m.Tick()
		}
		if m.Average() >= float64(m.limit) {
			t.Fatalf("average %v at the reset, limit %d", m.Average(), m.limit)
		}
	})
}
