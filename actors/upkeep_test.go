package actors

import (
	"slices"
	"strings"
	"testing"
	"time"

	"realtime/postgres"
	"realtime/postgres/pgtest"
)

// partitions of the site's messages, without the prefix, oldest first.
func (s *site) partitions() []string {
	s.t.Helper()
	var names []string
	const sql = `select coalesce(array_agg(replace(relname, 'messages_', '') order by 1), '{}') from pg_inherits join pg_class on pg_class.oid = inhrelid where inhparent = to_regclass('realtime.messages')`
	if err := pgtest.Conn(s.t, s.db).QueryRow(s.t.Context(), sql).Scan(&names); err != nil {
		s.t.Fatal(err)
	}
	return names
}

// agedSite has a schema whose partitions are of the given day, and a tenant that somebody has connected to.
func agedSite(t *testing.T, u Upkeep, date time.Time) *site {
	t.Helper()
	s := newSite(t, Options{Upkeep: u})
	if _, err := postgres.PrepareTenant(t.Context(), pgtest.Conn(t, s.db), date); err != nil {
		t.Fatal(err)
	}
	if _, err := s.s.attach(s.tenant); err != nil {
		t.Fatal(err)
	}
	return s
}

// eventually polls until ok, for as long as a loaded machine may take.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); pause(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 30 s", what)
		}
	}
}

func days(from time.Time, n ...int) []string {
	out := make([]string, len(n))
	for i, d := range n {
		out[i] = from.UTC().AddDate(0, 0, d).Format("2006_01_02")
	}
	return out
}

func TestPartitionsAreMadeAheadWithoutJanitor(t *testing.T) {
	now := time.Now()
	s := agedSite(t, Upkeep{Ahead: 50 * time.Millisecond, Every: time.Millisecond}, now.AddDate(0, 0, -4))
	want := days(now, -5, -4, -3, -2, -1, 0, 1, 2, 3) // the old ones stay
	eventually(t, "partitions made ahead", func() bool { return slices.Equal(s.partitions(), want) })
}

func TestJanitorDropsWhatIsTooOld(t *testing.T) {
	now := time.Now()
	s := agedSite(t, Upkeep{Janitor: true, Every: 50 * time.Millisecond}, now.AddDate(0, 0, -4))
	want := days(now, -3, -2, -1, 0, 1, 2, 3)
	eventually(t, "old partitions dropped", func() bool { return slices.Equal(s.partitions(), want) })
	if !strings.Contains(s.log.String(), "partitions of messages") {
		t.Errorf("nothing is logged: %s", s.log.String())
	}
}

func TestJanitorSaysWhatItCannotDrop(t *testing.T) {
	now := time.Now()
	s := agedSite(t, Upkeep{Janitor: true, Every: 50 * time.Millisecond}, now.AddDate(0, 0, -4))
	eventually(t, "old partitions dropped", func() bool { return len(s.partitions()) == 7 })
	reader, err := pgtest.Conn(t, s.db).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Rollback(t.Context()) }()
	if _, err := reader.Exec(t.Context(), "select from realtime.messages"); err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, s.db, "create table realtime.messages_2020_01_01 (like realtime.messages including constraints)",
		"alter table realtime.messages attach partition realtime.messages_2020_01_01 for values from ('2020-01-01') to ('2020-01-02')")
	eventually(t, "a word about it", func() bool {
		return strings.Contains(s.log.String(), "JanitorFailedToDeleteOldMessages") && strings.Contains(s.log.String(), "goes on for too long")
	})
	if err := reader.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "dropped afterwards", func() bool { return len(s.partitions()) == 7 })
}

func TestKeepInstallsTheSchema(t *testing.T) {
	s := newSite(t, Options{})
	for range 2 {
		if err := s.s.Keep(t.Context(), s.tenant); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := s.partitions(), days(time.Now(), -1, 0, 1, 2, 3); !slices.Equal(got, want) {
		t.Errorf("partitions are %v, want %v", got, want)
	}
	if n := strings.Count(s.log.String(), "schema realtime installed"); n != 1 {
		t.Errorf("installed %d times", n)
	}
}

func TestJanitorWaits(t *testing.T) {
	u := Upkeep{Every: 4 * time.Hour}
	if got := u.wait(); got != 4*time.Hour {
		t.Errorf("waits %v", got)
	}
	u.Randomize = true
	for range 1000 {
		if got := u.wait() - u.Every; got < time.Minute || got > 59*time.Minute {
			t.Fatalf("waits %v more", got)
		}
	}
}
