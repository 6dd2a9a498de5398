package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"realtime/postgres"
	"realtime/protocol"
	"realtime/protocol/client"
)

var sends = flag.Int("sends", 20_000, "how many messages SQL sends while Postgres crashes")

var policies = []string{
	"create policy r on realtime.messages for select to anon using (true)",
	"create policy w on realtime.messages for insert to anon with check (true)",
}

// listener is a member of a private channel who notes which numbers came, and when it was told that the stream is up.
type listener struct {
	mu     sync.Mutex
	got    []int
	ups    []time.Time
	second chan struct{} // closed when it is told for the second time
}

func (l *listener) take(e client.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, payload, ok := e.Broadcast(); ok {
		l.got = append(l.got, number(payload))
	}
	if e.Event == protocol.EventSystem && bytes.Contains(e.Payload, []byte(protocol.MessageReplicationEstablished)) {
		if l.ups = append(l.ups, time.Now()); len(l.ups) == 2 {
			close(l.second)
		}
	}
}

func number(payload []byte) int {
	var p struct{ N int }
	_ = json.Unmarshal(payload, &p) // 0 is no number that was sent
	return p.N
}

func (l *listener) has(n int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.got) > 0 && l.got[len(l.got)-1] >= n
}

// enter joins the private channel of the test.
func enter(t *testing.T, s server, config string) *client.Channel {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := client.Dial(ctx, client.Options{URL: s.URL, APIKey: token(t), Heartbeat: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	ch, err := c.Join(ctx, "realtime:room", json.RawMessage(`{"config":{"private":true,"broadcast":`+config+`}}`))
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

// sender is SQL that sends numbers one after the other, on a connection that comes back, and remembers which were
// committed for certain and when each was begun.
type sender struct {
	db    postgres.Settings
	began map[int]time.Time // of those committed
	crash func(n int)       // called before n is sent
}

// perTx is how many messages a transaction sends.
const perTx = 5

func (s *sender) run(ctx context.Context, n int) {
	for i := 1; i <= n && ctx.Err() == nil; {
		conn, err := postgres.Connect(ctx, s.db)
		if err != nil {
			pause(5 * time.Millisecond)
			continue
		}
		for err == nil && i <= n {
			s.crash(i)
			began := time.Now()
			_, err = conn.Exec(ctx, fmt.Sprintf(`select realtime.send(jsonb_build_object('n', n), 'e', 'room') from generate_series(%d, %d) n`, i, i+perTx-1))
			for range perTx {
				if err == nil { // what became of those that failed nobody knows
					s.began[i] = began
				}
				i++
			}
		}
		_ = conn.Close(context.WithoutCancel(ctx))
	}
}

// TestMessagesFlowAfterACrash: Postgres is stopped the hard way while SQL sends messages. A member that asked to hear of it
// is told when the stream is back; all that is sent from then on comes, in order and once, from the same server; what was
// stored before that can be replayed.
func TestMessagesFlowAfterACrash(t *testing.T) {
	db := database(t)
	if _, err := prepared(t, db); err != nil {
		t.Fatal(err)
	}
	s := newServer(t, db, "REALTIME_SLOT=temporary")
	s.start()
	l := &listener{second: make(chan struct{})}
	ch := enter(t, s, `{"replication_ready":true}`)
	go func() { // ends with the connection
		for e := range ch.Events() {
			l.take(e)
		}
	}()
	until(t, "the stream is up", func() bool { l.mu.Lock(); defer l.mu.Unlock(); return len(l.ups) == 1 })

	var crashed time.Time
	var missed []int // what a newcomer is replayed as soon as the stream is back
	asked := 0       // which message came next
	back := make(chan struct{})
	go func() { // ends when the stream is back, which the test waits for
		defer close(back)
		<-l.second
	}()
	w := &sender{db: db, began: map[int]time.Time{}}
	w.crash = func(n int) {
		switch {
		case crashed.IsZero() && n > *sends/3:
			crashed = time.Now()
			crash(t, db)
		case missed == nil && n > *sends/3+500: // let the stream come back before all is sent
			<-back
			missed, asked = replayOf(t, s, crashed), n
		}
	}
	began := time.Now()
	w.run(t.Context(), *sends)
	took := time.Since(began)
	until(t, "the last message comes", func() bool { return l.has(*sends) })
	s.Kill() // fails the test if the server did not live through it
	w.judge(t, l, crashed, asked, missed)
	t.Logf("%d sent in %s, %d came, back %s after the crash", len(w.began), took, len(l.got), l.ups[1].Sub(crashed))
}

func prepared(t *testing.T, db postgres.Settings) (done postgres.Prepared, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := postgres.Connect(ctx, db)
	if err != nil {
		return done, err
	}
	defer conn.Close(ctx)
	if done, err = postgres.PrepareTenant(ctx, conn, time.Now()); err != nil {
		return done, err
	}
	_, err = conn.Exec(ctx, strings.Join(policies, ";"))
	return done, err
}

// replayOf joins anew and returns the numbers that are replayed.
func replayOf(t *testing.T, s server, since time.Time) (list []int) {
	t.Helper()
	ch := enter(t, s, fmt.Sprintf(`{"replay":{"since":%d,"limit":25}}`, since.UnixMilli()))
	for {
		select {
		case e := <-ch.Events():
			if _, payload, ok := e.Broadcast(); ok {
				list = append(list, number(payload))
			}
		case <-time.After(time.Second):
			return list
		}
	}
}

// judge compares what came with what was sent.
func (s *sender) judge(t *testing.T, l *listener, crashed time.Time, asked int, replayed []int) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := map[int]bool{}
	for i, n := range l.got {
		if i > 0 && n <= l.got[i-1] {
			t.Errorf("%d came after %d", n, l.got[i-1])
		}
		seen[n] = true
	}
	lost, since := 0, []int{}
	for n := 1; n <= *sends; n++ {
		at, sure := s.began[n]
		if sure && !seen[n] && at.After(l.ups[1]) {
			lost++
		}
		if sure && at.After(crashed) && n < asked {
			since = append(since, n)
		}
	}
	if lost > 0 {
		t.Errorf("%d that were sent after the stream was back did not come", lost)
	}
	want := since[max(0, len(since)-25):]
	if len(want) == 0 || fmt.Sprint(replayed) != fmt.Sprint(want) {
		t.Errorf("replayed %v, want %v", replayed, want)
	}
}
