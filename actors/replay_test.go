package actors

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"realtime/postgres"
	"realtime/postgres/pgtest"
)

var everybody = []string{
	`create policy r on realtime.messages for select to authenticated using (true)`,
	`create policy w on realtime.messages for insert to authenticated with check (true)`,
}

// send has SQL send numbered messages to a private topic, in one transaction.
func (s *site) send(topic string, from, to int) {
	s.t.Helper()
	pgtest.Exec(s.t, s.db, fmt.Sprintf(`do $$ begin for n in %d..%d loop perform realtime.send(jsonb_build_object('id', n), 'e', '%s'); end loop; end $$`, from, to, topic))
}

func TestReplayThenLiveWithoutLossOrDoubles(t *testing.T) {
	s := newPrivateSite(t, everybody...)
	watcher := s.connect(alice)
	watcher.enter("room", `"broadcast":{"replication_ready":true}`)
	watcher.want("Replication connection established")
	// Messages are sent all the time while others join with a replay. Each joiner sees a run of numbers without a gap.
	ctx, cancel := context.WithCancel(t.Context())
	sent := make(chan int)
	go func() { // ends with cancel
		conn, err := postgres.Connect(ctx, s.db)
		n := 0
		for ; err == nil && ctx.Err() == nil; n++ {
			_, err = conn.Exec(context.WithoutCancel(ctx), fmt.Sprintf(`select realtime.send('{"id":%d}', 'e', 'room')`, n))
		}
		if conn != nil {
			_ = conn.Close(context.WithoutCancel(ctx))
		}
		sent <- n
	}()
	watcher.want(`"id": 0}`)
	for range 15 {
		c := s.connect(bob)
		c.enter("room", `"broadcast":{"replay":{"since":0,"limit":5}}`)
		first, last, replayed := -1, -1, 0
		for live := 0; live < 30; {
			f := c.next()
			n := -1
			_, body, _ := strings.Cut(f, `{"id": `)
			if _, err := fmt.Sscanf(body, "%d}", &n); err != nil {
				t.Fatalf("frame %q: %v", f, err)
			}
			if strings.Contains(f, `"replayed":true`) {
				replayed++
			} else {
				live++
			}
			switch {
			case first < 0:
				first, last = n, n
			case n < first && !strings.Contains(f, `"replayed":true`): // beyond the limit, and the feed lags so far behind
			case n != last+1:
				t.Fatalf("%d came after %d", n, last)
			default:
				last = n
			}
		}
		if replayed == 0 || replayed > 5 {
			t.Errorf("%d replayed", replayed)
		}
		_ = c.p.far.Close()
	}
	cancel()
	for i := range <-sent - 1 {
		watcher.want(fmt.Sprintf(`"id": %d}`, i+1))
	}
}

// The live copy of a message that was replayed does not come again.
func TestReplayedMessageIsNotSentAgain(t *testing.T) {
	s := newPrivateSite(t, everybody...)
	a, b := s.connect(alice), s.connect(bob)
	a.enter("room", `"broadcast":{"replication_ready":true}`)
	a.want("Replication connection established")
	s.send("room", 1, 3)
	for n := range 3 {
		a.want(fmt.Sprintf(`"id": %d}`, n+1))
	}
	b.enter("room", `"broadcast":{"replay":{"limit":2}}`)
	b.want(`["1",null,"realtime:room","broadcast",{"type":"broadcast","event":"e","meta":{"id":"`, `","replayed":true},"payload":{"id": 2}}]`)
	f := b.next()
	id, _, _ := strings.Cut(f[strings.Index(f, `"id":"`)+6:], `"`)
	err := s.s.Publish(t.Context(), s.tenant, []Publication{
		{Topic: "room", Private: true, Broadcast: broadcastOf(id, "3")},
		{Topic: "room", Private: true, Broadcast: broadcastOf("another", "4")},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.want(`{"id":"another"}4`)
	a.want(`{"id":"` + id + `"}3`)
	a.want(`{"id":"another"}4`)
}

func TestReplayRefusals(t *testing.T) {
	s := newPrivateSite(t, append(everybody, `create policy presence on realtime.messages as restrictive for select to authenticated
		using (realtime.topic() <> 'presence' or extension = 'presence')`)...)
	a := s.connect(alice)
	for config, reason := range map[string]string{
		`{"config":{"broadcast":{"replay":{}}}}`:                           "UnableToReplayMessages: Replay is not allowed for public channels",
		`{"config":{"private":true,"broadcast":{"replay":{"since":"5"}}}}`: "UnableToReplayMessages: Replay params are not valid",
	} {
		a.p.send(`["1","1","realtime:room","phx_join",` + config + `]`)
		a.want(`"phx_reply",{"status":"error","response":{"reason":"` + reason + `"}}]`)
	}
	a.p.send(`["1","1","realtime:presence","phx_join",{"config":{"private":true,"presence":{"enabled":true},"broadcast":{"replay":{"since":0}}}}]`)
	a.want(`"phx_reply",{"status":"error","response":{"reason":"Unauthorized: You do not have permissions to read from this Channel topic: presence"}}]`)
	pgtest.Exec(t, s.db, `alter table realtime.messages rename column event to evnt`)
	a.p.send(`["1","1","realtime:room","phx_join",{"config":{"private":true,"broadcast":{"replay":{"since":0}}}}]`)
	a.want(`"phx_reply",{"status":"error","response":{"reason":"UnableToReplayMessages: Realtime was unable to replay messages"}}]`)
	a.enter("room", `"broadcast":{"replay":123}`)
	a.quiet(50 * time.Millisecond)
}

// Row 260 of the protocol: the order of what follows a join.
func TestWhatFollowsAJoinHasAnOrder(t *testing.T) {
	s := newPrivateSite(t, append(todos, everybody...)...)
	a := s.connect(alice)
	a.enter("warm", `"broadcast":{"replication_ready":true}`)
	a.want("Replication connection established")
	s.send("room", 1, 2)
	a.p.send(`["2","2","realtime:room","phx_join",{"config":{"private":true,"presence":{"enabled":true},"broadcast":{"replication_ready":true,"replay":{"since":0}},
		"postgres_changes":[{"event":"*","schema":"public","table":"todos"}]}}]`)
	a.want(`["2","2","realtime:room","phx_reply",{"status":"ok"`)
	a.want(`"replayed":true},"payload":{"id": 1}`)
	a.want(`"replayed":true},"payload":{"id": 2}`)
	a.want(`"Subscribed to PostgreSQL"`)
	a.want(`"Replication connection established"`)
	a.want(`"presence_state"`)
}
