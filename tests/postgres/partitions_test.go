package postgres

import (
	"slices"
	"testing"
	"time"

	"realtime/postgres"
	"realtime/postgres/pgtest"
)

// keepsPartitions: a month goes by, the clock is given.
func keepsPartitions(t *testing.T, c *cluster) {
	s := c.database(t)
	conn := pgtest.Conn(t, s)
	start := time.Date(2024, 2, 27, 23, 30, 0, 0, time.UTC) // a leap year's February ends
	for n := range 30 {
		now := start.AddDate(0, 0, n)
		if _, err := postgres.PrepareTenant(t.Context(), conn, now); err != nil {
			t.Fatal(err)
		}
		if _, err := postgres.DropOldPartitions(t.Context(), conn, now); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	if err := conn.QueryRow(t.Context(), `select array_agg(inhrelid::regclass::text order by 1) from pg_inherits where inhparent = 'realtime.messages'::regclass`).Scan(&got); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"realtime.messages_2024_03_24", "realtime.messages_2024_03_25", "realtime.messages_2024_03_26", "realtime.messages_2024_03_27",
		"realtime.messages_2024_03_28", "realtime.messages_2024_03_29", "realtime.messages_2024_03_30",
	}
	if !slices.Equal(got, want) {
		t.Errorf("after thirty days there are %q, want %q", got, want)
	}
}
