package postgres_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"realtime/postgres"
	"realtime/postgres/pgtest"
	"realtime/protocol/codes"
)

// prepared is a database with the schema and its partitions as of now.
func prepared(t *testing.T, now time.Time) (postgres.Settings, *pgx.Conn) {
	t.Helper()
	s := pgtest.DB(t)
	conn := pgtest.Conn(t, s)
	if _, err := postgres.PrepareTenant(t.Context(), conn, now); err != nil {
		t.Fatal(err)
	}
	return s, conn
}

// The clock of the server that makes partitions counts days by UTC; rows carry the wall clock of the session.
func TestPartitionsHoldEveryTimeZone(t *testing.T) {
	for _, zone := range []string{"UTC", "Pacific/Kiritimati", "Etc/GMT+12", "America/New_York", "Asia/Kathmandu"} {
		_, conn := prepared(t, time.Now())
		if _, err := conn.Exec(t.Context(), "set timezone to '"+zone+"'"); err != nil {
			t.Fatal(err)
		}
		for _, at := range []string{"now()", "now() + interval '2 days'"} {
			if _, err := conn.Exec(t.Context(), "insert into realtime.messages (topic, extension, inserted_at) values ('a', 'broadcast', "+at+")"); err != nil {
				t.Errorf("%s, %s: %v", zone, at, err)
			}
		}
	}
}

func TestPartitionsWithStrangeNeighbours(t *testing.T) {
	now := time.Date(2025, 3, 30, 1, 30, 0, 0, time.UTC) // clocks go forward in Europe
	s, _ := prepared(t, now)
	pgtest.Exec(t, s,
		"drop table realtime.messages_2025_03_30, realtime.messages_2025_03_31, realtime.messages_2025_04_01",
		"create table realtime.messages_soon partition of realtime.messages for values from ('2025-03-31') to ('2025-04-02')",
		"create table realtime.messages_2025_03_30 (like realtime.messages)", // the day's name, but no part
		"create table realtime.messages_archive partition of realtime.messages for values from (minvalue) to ('2020-01-01')",
		"create table realtime.messages_2020_01_02 partition of realtime.messages for values from ('2020-01-02 06:00') to ('2020-01-03')",
		"create table realtime.messages_20200104 partition of realtime.messages for values from ('2020-01-04') to ('2020-01-05')",
		`create table realtime."messages_2020_01_05; drop" partition of realtime.messages for values from ('2020-01-05') to ('2020-01-06')`,
		"create table realtime.messages_2020_01_06 partition of realtime.messages for values from ('2020-01-06') to ('2020-01-07')",
		"create table realtime.messages_rest partition of realtime.messages default",
		`do $$ begin execute format('alter database %I set datestyle to ''SQL, DMY''', current_database()); end $$`)
	conn := pgtest.Conn(t, s) // with that date style
	made, err := postgres.EnsurePartitions(t.Context(), conn, now)
	if codes.Of(err).Code != codes.PartitionCreationFailed || !strings.Contains(err.Error(), "attach partition realtime.messages_2025_03_30") || len(made) != 0 {
		t.Errorf("a table in the way: %v, %v", made, err)
	}
	pgtest.Exec(t, s, "drop table realtime.messages_2025_03_30, realtime.messages_2025_04_02")
	made, err = postgres.EnsurePartitions(t.Context(), conn, now)
	if want := []string{"messages_2025_03_30", "messages_2025_04_02"}; err != nil || !slices.Equal(made, want) {
		t.Errorf("got %v, %v, want %v", made, err, want)
	}
	dropped, err := postgres.DropOldPartitions(t.Context(), conn, now)
	if want := []string{"messages_2020_01_06"}; err != nil || !slices.Equal(dropped, want) {
		t.Errorf("dropped %v, %v, want %v", dropped, err, want)
	}
}

// Nothing is dropped before 72 hours are over by UTC and by the database's own clock.
func TestRetentionIsKeptInEveryTimeZone(t *testing.T) {
	date := time.Date(2025, 11, 1, 0, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		zone string
		over time.Time // when messages of that day may go
	}{
		{"UTC", time.Date(2025, 11, 5, 0, 0, 0, 0, time.UTC)},
		{"Etc/GMT+12", time.Date(2025, 11, 5, 12, 0, 0, 0, time.UTC)},
		{"Pacific/Kiritimati", time.Date(2025, 11, 5, 0, 0, 0, 0, time.UTC)},
		{"America/New_York", time.Date(2025, 11, 5, 5, 0, 0, 0, time.UTC)}, // the clocks went back on the 2nd
	} {
		t.Run(test.zone, func(t *testing.T) {
			s, _ := prepared(t, date)
			pgtest.Exec(t, s, `do $$ begin execute format('alter database %I set timezone to `+"''"+test.zone+"''"+`', current_database()); end $$`)
			conn := pgtest.Conn(t, s)
			for _, step := range []struct {
				now  time.Time
				want bool
			}{{test.over.Add(-time.Second), false}, {test.over, true}} {
				got, err := postgres.DropOldPartitions(t.Context(), conn, step.now)
				if err != nil || slices.Contains(got, "messages_2025_11_01") != step.want {
					t.Errorf("at %v dropped %v, %v", step.now, got, err)
				}
			}
		})
	}
}

// A transaction that goes on for long keeps its own partition, and nobody from making new ones.
func TestPartitionsBesideALongTransaction(t *testing.T) {
	now := time.Now().UTC()
	s, conn := prepared(t, now)
	writer, err := pgtest.Conn(t, s).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = writer.Rollback(t.Context()) }()
	if _, err := writer.Exec(t.Context(), "select realtime.send('{}', 'ev', 'room')"); err != nil {
		t.Fatal(err)
	}
	later := now.AddDate(0, 0, 20)
	if made, err := postgres.EnsurePartitions(t.Context(), conn, later); err != nil || len(made) != 5 {
		t.Errorf("made %v, %v", made, err)
	}
	began := time.Now()
	dropped, err := postgres.DropOldPartitions(t.Context(), conn, later)
	if codes.Of(err).Code != codes.JanitorFailedToDeleteOldMessages || len(dropped) != 0 || time.Since(began) > 20*time.Second {
		t.Errorf("dropped %v after %v, %v", dropped, time.Since(began), err)
	}
	if err := writer.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if dropped, err := postgres.DropOldPartitions(t.Context(), conn, later); err != nil || len(dropped) != 5 {
		t.Errorf("dropped %v, %v", dropped, err)
	}
}

func TestPartitionsWithoutMessages(t *testing.T) {
	conn := pgtest.Conn(t, pgtest.DB(t))
	if made, err := postgres.EnsurePartitions(t.Context(), conn, time.Now()); err != nil || len(made) != 0 {
		t.Errorf("made %v, %v", made, err)
	}
	if dropped, err := postgres.DropOldPartitions(t.Context(), conn, time.Now()); err != nil || len(dropped) != 0 {
		t.Errorf("dropped %v, %v", dropped, err)
	}
}
