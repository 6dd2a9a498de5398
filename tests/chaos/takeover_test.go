package chaos

import (
	"testing"
	"time"

	"realtime/protocol"
)

// takeOver is how soon a server that waits must have taken the slot over.
const takeOver = 5 * time.Second

// TestOneOfTwoReads: of two servers with a durable slot on one database one reads and the other waits, and says so. When
// the first dies or freezes, the other takes over and misses nothing.
func TestOneOfTwoReads(t *testing.T) {
	slow(t)
	for _, how := range []string{"dies", "freezes"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			db := database(t, table...)
			first, second := newServer(t, db), newServer(t, db)
			first.start()
			reader := watch(t, first)
			until(t, "the first is live", func() bool { _, lives := reader.state(); return lives == 1 })
			second.start()
			waiter := watch(t, second)
			until(t, "the second tells its client that it waits", func() bool { return waiter.told("Another server reads replication slot") == 1 })
			if !second.logged("waiting for another server") {
				t.Error("the second does not log that it waits")
			}
			insert := func(n string) {
				query[int64](t, db, "insert into public.load (writer, n) values (0, "+n+") returning id")
			}
			insert("1")
			until(t, "the first delivers", func() bool { return reader.seen(1) })
			if waiter.seen(1) {
				t.Error("the second reads as well")
			}
			if how == "dies" {
				first.Kill()
			} else {
				first.Freeze(true)
			}
			insert("2")
			took := until(t, "the second delivers", func() bool { return waiter.seen(2) })
			t.Logf("took over in %s", took)
			if took > takeOver {
				t.Errorf("took over in %s, want at most %s", took, takeOver)
			}
			if how == "dies" {
				return
			}
			first.Freeze(false) // wakes up and must not take the slot away again
			until(t, "the first notices", func() bool { return first.logged("waiting for another server") })
			insert("3")
			until(t, "the second still delivers", func() bool { return waiter.seen(3) })
			second.Kill()
			until(t, "the first is live again", func() bool { _, lives := reader.state(); return lives == 2 })
			until(t, "the first delivers what it missed, or says so", func() bool {
				return reader.seen(2) && reader.seen(3) || reader.told(protocol.MessageMissed) == 1
			})
		})
	}
}
