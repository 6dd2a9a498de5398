package messages

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"realtime/postgres/pgtest"
)

var always = time.Unix(0, 0)

func TestReplayIsOldestFirstWithinATransactionToo(t *testing.T) {
	s, pool := database(t)
	sends := make([]string, 40)
	for i := range sends {
		sends[i] = fmt.Sprintf(`select realtime.send(%s, 'e', 'room', true)`, quoted(i))
	}
	// Space that a vacuum has freed is filled again from wherever it is: the place in the table says nothing then.
	pgtest.Exec(t, s, `insert into realtime.messages (topic, extension, event, payload, private) select 'old', 'broadcast', 'x', to_jsonb(repeat('x', i * 53 % 1700)), true from generate_series(1, 300) i`,
		`delete from realtime.messages where id in (select id from realtime.messages order by random() limit 250)`)
	pgtest.Exec(t, s, `vacuum realtime.messages`)
	pgtest.Exec(t, s, "begin; "+strings.Join(sends, "; ")+"; commit")
	var want []string
	for i := 15; i < 40; i++ {
		want = append(want, fmt.Sprintf(`e {"n": %d, "id": 0, "pad": %q}`, i, strings.Repeat("x", i*37%10*190)))
	}
	if diff := cmp.Diff(replayed(t, pool, "room", always, 25), want); diff != "" {
		t.Errorf("-got +want:\n%s", diff)
	}
}

func quoted(i int) string {
	return fmt.Sprintf(`'{"n": %d, "id": 0, "pad": "%s"}'`, i, strings.Repeat("x", i*37%10*190))
}

func TestReplayTakesWhatItMay(t *testing.T) {
	s, pool := database(t)
	row := func(topic, extension, event, payload, private, at string) string {
		return `insert into realtime.messages (topic, extension, event, payload, private, inserted_at) values ('` +
			topic + `', '` + extension + `', ` + event + `, ` + payload + `, ` + private + `, timezone('utc', now()) ` + at + `)`
	}
	pgtest.Exec(t, s,
		`create table realtime.messages_old partition of realtime.messages for values from ('2000-01-01') to (current_date - 1)`,
		row("room", "broadcast", "'e'", "'30'", "true", "- interval '2 second'"),
		row("room", "broadcast", "'e'", "'null'", "true", "- interval '1 second'"),
		row("room", "broadcast", "'e'", "null", "true", ""), // nothing to send
		row("room", "broadcast", "null", "'1'", "true", ""), // no event
		row("room", "presence", "'e'", "'2'", "true", ""),   // not a broadcast
		row("room", "broadcast", "'e'", "'3'", "false", ""), // public
		row("other", "broadcast", "'e'", "'4'", "true", ""), // another's
		row("room", "broadcast", "'e'", "'5'", "true", "+ interval '2 minutes'"),
		row("room", "broadcast", "'e'", "'6'", "true", "- interval '73 hours'"),
		`insert into realtime.messages (topic, extension, event, binary_payload, private) values (e'it''s', 'broadcast', 'b', '\x0001', true)`,
	)
	if diff := cmp.Diff(replayed(t, pool, "room", always, 25), []string{"e 30", "e null"}); diff != "" {
		t.Errorf("-got +want:\n%s", diff)
	}
	if diff := cmp.Diff(replayed(t, pool, "room", time.Unix(-62_167_219_200, 0), 1), []string{"e null"}); diff != "" {
		t.Errorf("-got +want:\n%s", diff)
	}
	if got := replayed(t, pool, "room", time.Now().Add(time.Hour), 25); got != nil {
		t.Errorf("since an hour to come: %q", got)
	}
	if got := replayed(t, pool, "room", time.UnixMilli(253_402_300_799_999), 25); got != nil {
		t.Errorf("since the year 9999: %q", got)
	}
	if diff := cmp.Diff(replayed(t, pool, "it's", always, 25), []string{"b \x00\x01"}); diff != "" {
		t.Errorf("-got +want:\n%s", diff)
	}
}
