package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"realtime/protocol"
	"realtime/protocol/client"
)

// row is one row of the table, as written and as seen: the number N of its writer.
type row struct {
	ID     int64 `json:"id"`
	Writer int   `json:"writer"`
	N      int64 `json:"n"`
}

// witness is a client that comes back whenever it is cut, and keeps all it is told.
type witness struct {
	t    *testing.T
	s    server
	tok  string
	stop context.CancelFunc
	over sync.WaitGroup

	mu      sync.Mutex
	rows    []row
	ids     map[int64]bool
	tops    [2]int64 // highest number of each writer
	systems []string // texts of system messages
	lives   int      // how often it was told that it is live
}

func watch(t *testing.T, s server) *witness {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w := &witness{t: t, s: s, tok: token(t), stop: cancel, ids: map[int64]bool{}}
	w.over.Go(func() { // ends with stop
		for ctx.Err() == nil {
			w.visit(ctx)
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
	})
	t.Cleanup(w.end)
	return w
}

func (w *witness) end() {
	w.stop()
	w.over.Wait()
}

// visit is one connection, from its start to its end.
func (w *witness) visit(ctx context.Context) {
	dialing, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	c, err := client.Dial(dialing, client.Options{URL: w.s.URL, APIKey: w.tok, Heartbeat: 2 * time.Second})
	if err != nil {
		return
	}
	defer c.Close()
	joining, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	ch, err := c.Join(joining, "realtime:chaos", json.RawMessage(
		`{"config":{"postgres_changes":[{"event":"INSERT","schema":"public","table":"load"}]}}`))
	if err != nil {
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case e, ok := <-ch.Events():
			if !ok {
				return
			}
			w.take(e)
		}
	}
}

func (w *witness) take(e client.Event) {
	switch e.Event {
	case protocol.EventPostgresChanges:
		r, err := record(e.Payload)
		if err != nil {
			w.t.Errorf("read %s: %v", e.Payload, err)
		}
		w.mu.Lock()
		w.rows = append(w.rows, r)
		w.ids[r.ID] = true
		w.tops[r.Writer] = max(w.tops[r.Writer], r.N)
		w.mu.Unlock()
	case protocol.EventSystem:
		w.mu.Lock()
		w.systems = append(w.systems, string(e.Payload))
		if bytes.Contains(e.Payload, []byte(protocol.MessageSubscribed)) {
			w.lives++
		}
		w.mu.Unlock()
	}
}

// record reads the row out of a payload, and only that: a witness must not be slower than what it watches.
func record(payload []byte) (r row, err error) {
	_, rest, _ := bytes.Cut(payload, []byte(`"record":`))
	err = json.NewDecoder(bytes.NewReader(rest)).Decode(&r)
	return r, err
}

// state returns how many rows have come and how often the witness was live.
func (w *witness) state() (rows, lives int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.rows), w.lives
}

func (w *witness) top(writer int) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tops[writer]
}

// told counts the system messages that hold text.
func (w *witness) told(text string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, s := range w.systems {
		if strings.Contains(s, text) {
			n++
		}
	}
	return n
}

// seen reports whether a row has come.
func (w *witness) seen(id int64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ids[id]
}

// until waits for a condition.
func until(t *testing.T, what string, ok func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Since(began) > patience {
			t.Fatalf("waited in vain: %s", what)
		}
		<-tick.C
	}
	return time.Since(began)
}
