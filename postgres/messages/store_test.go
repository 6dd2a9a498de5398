package messages

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"realtime/postgres/pgtest"
	"realtime/protocol"
)

func stored(n int, event, payload string) Stored {
	return Stored{Broadcast: protocol.Broadcast{
		Form: protocol.FormUserJSON, Event: []byte(event), Payload: []byte(payload), ID: fmt.Sprintf("00000000-0000-4000-8000-%012d", n),
	}}
}

func TestStoreKeepsOrderAndSkipsTheStream(t *testing.T) {
	s, pool := database(t)
	var list []Stored
	var want []string
	for i := range 25 {
		list = append(list, stored(i, "e", fmt.Sprint(i)))
		want = append(want, fmt.Sprintf("e %d", i))
	}
	list[3].Broadcast.Form, list[3].Broadcast.Payload, want[3] = protocol.FormUserBinary, []byte("\x00\xff"), "e \x00\xff"
	list[4].Broadcast.Form, list[4].Broadcast.Payload, want[4] = protocol.FormUserBinary, nil, "e "
	if errs := Store(t.Context(), pool, "room", list); errs != nil {
		t.Fatal(errs)
	}
	if diff := cmp.Diff(replayed(t, pool, "room", always, 25), want); diff != "" {
		t.Errorf("-got +want:\n%s", diff)
	}
	var wrong int
	err := pgtest.Conn(t, s).QueryRow(t.Context(), `select count(*) from realtime.messages where not skip_broadcast or not private
		or extension <> 'broadcast' or updated_at <> inserted_at or abs(extract(epoch from inserted_at - timezone('utc', now()))) > 60`).Scan(&wrong)
	if err != nil || wrong != 0 {
		t.Errorf("%d rows are wrong, %v", wrong, err)
	}
}

func TestOneBadMessageCostsTheOthersNothing(t *testing.T) {
	_, pool := database(t)
	list := []Stored{
		stored(1, "e", "1"), stored(2, "e", `"\u0000"`), stored(3, "a\x00b", "3"), stored(4, "\xff", "4"), stored(5, "e", "5"),
		stored(1, "e", "twice"), stored(7, "e", strings.Repeat("[", 100_000)),
	}
	errs := Store(t.Context(), pool, "room", list)
	for i, bad := range []bool{false, true, true, true, false, true, true} {
		if (errs[i] != nil) != bad {
			t.Errorf("message %d: %v", i, errs[i])
		}
	}
	if !errors.Is(errs[2], ErrEventText) {
		t.Errorf("a zero byte: %v", errs[2])
	}
	if diff := cmp.Diff(replayed(t, pool, "room", always, 25), []string{"e 1", "e 5"}); diff != "" {
		t.Errorf("-got +want:\n%s", diff)
	}
}

func TestStoreMakesTheColumnAndThePartition(t *testing.T) {
	s, pool := database(t)
	pgtest.Exec(t, s, `alter table realtime.messages drop column skip_broadcast`)
	if got := replayed(t, pool, "room", always, 25); got != nil {
		t.Errorf("before: %q", got)
	}
	if errs := Store(t.Context(), pool, "room", []Stored{stored(1, "e", "1")}); errs != nil {
		t.Fatal(errs)
	}
	pgtest.Exec(t, s, `do $$ declare p text; begin for p in select inhrelid::regclass from pg_inherits where inhparent = 'realtime.messages'::regclass loop execute 'drop table ' || p; end loop; end $$`)
	if errs := Store(t.Context(), pool, "room", []Stored{stored(2, "e", "2")}); errs != nil {
		t.Fatal(errs)
	}
	if diff := cmp.Diff(replayed(t, pool, "room", always, 25), []string{"e 2"}); diff != "" {
		t.Errorf("-got +want:\n%s", diff)
	}
}

func TestStoredMessagesExpire(t *testing.T) {
	s, pool := database(t)
	list := []Stored{stored(1, "e", "1"), stored(2, "e", "2"), stored(3, "e", "3")}
	list[0].TTL, list[1].TTL = time.Minute, 1000*time.Hour
	if errs := Store(t.Context(), pool, "room", list); errs != nil {
		t.Fatal(errs)
	}
	if diff := cmp.Diff(replayed(t, pool, "room", always, 25), []string{"e 1", "e 2", "e 3"}); diff != "" {
		t.Errorf("-got +want:\n%s", diff)
	}
	pgtest.Exec(t, s, `update realtime.messages set inserted_at = inserted_at - interval '61 seconds', updated_at = updated_at - interval '61 seconds'`)
	if diff := cmp.Diff(replayed(t, pool, "room", always, 25), []string{"e 2", "e 3"}); diff != "" {
		t.Errorf("after a minute -got +want:\n%s", diff)
	}
	pgtest.Exec(t, s, `update realtime.messages set updated_at = now()`) // somebody touches them
	if got := replayed(t, pool, "room", always, 25); len(got) != 3 {
		t.Errorf("after an update: %q", got)
	}
}
