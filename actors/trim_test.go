package actors

import "testing"

// Memory is given back once after a crowd has come, and once after it has gone; never while it moves, and not for a few.
func TestTrimAfterACrowd(t *testing.T) {
	var r trimmer
	for i, c := range []struct {
		open int
		due  bool
	}{
		{0, false},
		{500, false},
		{500, false},
		{4000, false},
		{9000, false},
		{10_000, false},
		{10_005, true},
		{10_005, false},
		{10_900, false},
		{10_900, false},
		{11_020, false},
		{11_020, true},
		{5000, false},
		{0, false},
		{0, true},
		{0, false},
	} {
		if got := r.due(c.open); got != c.due {
			t.Errorf("sweep %d, %d connections: got %v, want %v", i, c.open, got, c.due)
		}
	}
}
