package actors

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"realtime/protocol"
)

var walkSeed = flag.Uint64("walk.seed", 0, "seed of the random walk; 0 takes one from the clock")

// walker is one client of the random walk. What it does and what it must have seen is written down by its own
// goroutine; frames are looked at when nothing moves.
type walker struct {
	id     int
	from   int // names this connection of the walker: what an earlier one sent may still be on its way
	rng    *rand.Rand
	p      *peer
	v      protocol.Version
	ref    int
	joined map[string]string         // topic to join_ref
	sent   map[string]int            // broadcasts by topic, over all phases
	track  map[string]string         // topic to tracked value
	last   map[string]int            // "topic/sender" to the last sequence number received
	got    map[string]int            // "topic/sender" to how many were received in this phase
	here   map[string]map[string]int // topic to presence key to metas, as the client has it
}

const (
	walkers    = 50
	walkPhases = 6
	walkSteps  = 30
)

var walkTopics = []string{"realtime:a", "realtime:b", "realtime:日本 \"q\" 😀"}

// TestRandomWalk lets 50 sockets join, leave, push, refresh, drop and come back in any order. In each phase half of
// them only send and listen: between those nothing may be lost. Nobody may ever get a message twice or two of one
// sender and topic out of order. At rest the presences everybody sees are the tracks that are alive.
func TestRandomWalk(t *testing.T) {
	seed := *walkSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d (repeat with -walk.seed)", seed)
	bubble(t, Options{}, func(t *testing.T, n *node) {
		n.tenant.Limits.PresencePerWindow, n.tenant.Limits.JoinsPerSecond, n.tenant.Limits.PresenceEventsPerSecond = 1<<30, 1<<30, 1<<30
		all := make([]*walker, walkers)
		for i := range all {
			all[i] = &walker{id: i, from: i, rng: rand.New(rand.NewPCG(seed, uint64(i))), v: protocol.Version(1 + i%2), sent: map[string]int{}, last: map[string]int{}}
			all[i].come(n)
		}
		for phase := range walkPhases {
			walkPhase(t, n, all, phase)
		}
	})
}

func walkPhase(t *testing.T, n *node, all []*walker, phase int) {
	var wg sync.WaitGroup
	stable := map[int][]string{}
	before := map[int]map[string]int{}
	for _, w := range all {
		clear(w.got)
		before[w.id] = map[string]int{}
		for _, topic := range walkTopics {
			before[w.id][topic] = w.sent[topic]
		}
		steady := (w.id+phase)%2 == 0
		if steady {
			for topic := range w.joined {
				stable[w.id] = append(stable[w.id], topic)
			}
		}
		wg.Go(func() {
			for range walkSteps {
				w.step(n, steady)
			}
		})
	}
	wg.Wait()
	synctest.Wait()
	for _, w := range all {
		w.read(t)
	}
	for _, w := range all {
		for _, topic := range stable[w.id] {
			for _, o := range all {
				if !slices.Contains(stable[o.id], topic) || o == w {
					continue
				}
				want := o.sent[topic] - before[o.id][topic]
				if got := w.got[fmt.Sprint(topic, "/", o.from)]; got != want {
					t.Errorf("phase %d: %d got %d of %d's %d messages on %s", phase, w.id, got, o.id, want, topic)
				}
			}
		}
	}
	checkPresence(t, all)
}

// come connects anew; nothing is joined then.
func (w *walker) come(n *node) {
	w.p = n.connect(w.v)
	w.from += 1000
	w.joined, w.track, w.got, w.here = map[string]string{}, map[string]string{}, map[string]int{}, map[string]map[string]int{}
}

// step does one thing. Steady walkers only talk.
func (w *walker) step(n *node, steady bool) {
	topic := walkTopics[w.rng.IntN(len(walkTopics))]
	_, in := w.joined[topic]
	what := w.rng.IntN(20)
	switch {
	case steady || what < 8:
		if in {
			w.sent[topic]++
			w.push(topic, "broadcast", fmt.Sprintf(`{"from":%d,"n":%d}`, w.from, w.sent[topic]))
		}
	case what < 12:
		w.enter(topic)
	case what < 14 && in:
		w.push(topic, "phx_leave", `{}`)
		delete(w.joined, topic)
		delete(w.track, topic)
		delete(w.here, topic)
	case what < 16 && in:
		value := fmt.Sprint(w.rng.IntN(3))
		w.push(topic, "presence", `{"event":"track","payload":{"v":`+value+`}}`)
		w.track[topic] = value
	case what == 16 && in:
		w.push(topic, "presence", `{"event":"untrack"}`)
		delete(w.track, topic)
	case what == 17 && in:
		w.push(topic, "access_token", `{"access_token":null}`)
	case what == 18:
		w.push("realtime:nowhere", "broadcast", `{}`)
	case what == 19 && w.rng.IntN(4) == 0:
		_ = w.p.far.Close()
		<-w.p.over
		w.come(n)
	}
}

func (w *walker) enter(topic string) {
	w.push(topic, "phx_join", fmt.Sprintf(`{"config":{"presence":{"enabled":true,"key":"k%d"}}}`, w.id))
	w.joined[topic] = fmt.Sprint(w.ref)
	delete(w.track, topic)
	delete(w.here, topic)
}

func (w *walker) push(topic, event, payload string) {
	w.ref++
	join := w.joined[topic]
	if event == "phx_join" {
		join = fmt.Sprint(w.ref)
	}
	name := protocol.AppendString(nil, topic)
	if w.v == protocol.V2 {
		w.p.send(fmt.Sprintf(`[%q,"%d",%s,%q,%s]`, join, w.ref, name, event, payload))
		return
	}
	w.p.send(fmt.Sprintf(`{"join_ref":%q,"ref":"%d","topic":%s,"event":%q,"payload":%s}`, join, w.ref, name, event, payload))
}

// seen is a frame as both versions have it.
type seen struct {
	joinRef, ref, topic, event string
	payload                    json.RawMessage
}

func (w *walker) decode(t *testing.T, f string) seen {
	t.Helper()
	var s seen
	var ref, join *string
	var err error
	if w.v == protocol.V2 {
		err = json.Unmarshal([]byte(f), &[]any{&join, &ref, &s.topic, &s.event, &s.payload})
	} else {
		m := struct {
			Ref     **string
			Topic   *string
			Event   *string
			Payload *json.RawMessage
		}{&ref, &s.topic, &s.event, &s.payload}
		err = json.Unmarshal([]byte(f), &m)
	}
	if err != nil {
		t.Fatalf("frame %s: %v", f, err)
	}
	if ref != nil {
		s.ref = *ref
	}
	if join != nil {
		s.joinRef = *join
	}
	return s
}

// read checks what arrived and keeps the books.
func (w *walker) read(t *testing.T) {
	for _, f := range w.p.take() {
		s := w.decode(t, f)
		switch s.event {
		case "broadcast":
			var b struct{ From, N int }
			if err := json.Unmarshal(s.payload, &b); err != nil {
				t.Fatal(err)
			}
			k := fmt.Sprint(s.topic, "/", b.From)
			if b.From == w.from {
				t.Errorf("%d got its own message on %s", w.id, s.topic)
			}
			if b.N <= w.last[k] {
				t.Errorf("%d got message %d of %s after %d", w.id, b.N, k, w.last[k])
			}
			w.last[k] = b.N
			w.got[k]++
		case "presence_state":
			w.here[s.topic] = map[string]int{}
			w.count(t, s.topic, s.payload, +1)
		case "presence_diff":
			var d struct{ Joins, Leaves json.RawMessage }
			if err := json.Unmarshal(s.payload, &d); err != nil {
				t.Fatal(err)
			}
			w.count(t, s.topic, d.Leaves, -1)
			w.count(t, s.topic, d.Joins, +1)
		case "phx_error":
			t.Errorf("%d: %s", w.id, f)
		}
	}
}

// count applies a state to what the client has; diffs before the state are not for it.
func (w *walker) count(t *testing.T, topic string, b []byte, by int) {
	here, ok := w.here[topic]
	if !ok {
		return
	}
	var s map[string]struct{ Metas []json.RawMessage }
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	for key, e := range s {
		if here[key] += by * len(e.Metas); here[key] == 0 {
			delete(here, key)
		}
	}
}

// checkPresence compares what everybody has with the tracks that are alive.
func checkPresence(t *testing.T, all []*walker) {
	for _, topic := range walkTopics {
		want := map[string]int{}
		for _, w := range all {
			if _, ok := w.track[topic]; ok {
				want[fmt.Sprintf("k%d", w.id)] = 1
			}
		}
		for _, w := range all {
			if _, in := w.joined[topic]; !in {
				continue
			}
			if diff := cmp.Diff(want, w.here[topic]); diff != "" {
				t.Errorf("presence on %s as %d has it (-tracks +client):\n%s", topic, w.id, diff)
			}
		}
	}
}
