package rush

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"realtime/protocol/client"
	"realtime/tenancy"
	"realtime/tests/program"
)

// root is the repository, seen from this package's directory.
const root = "../.."

func TestMain(m *testing.M) { program.Main(m.Run) }

const (
	secret  = "the-secret-of-the-rush-of-40-characters-"
	joins   = 2000
	perConn = 5 // topics that one client joins
	early   = 50
	beat    = 100 * time.Millisecond
	missed  = 25 * time.Second // when clients send the next heartbeat, and give up if the last has no answer
)

// TestTwoThousandJoinsAtOnce: every join is let in, each with a token of its own, and every heartbeat of those who were there
// before is answered in time. The figures are for reading: what else runs on the machine is in them.
func TestTwoThousandJoinsAtOnce(t *testing.T) {
	s := program.New(t, root, "API_JWT_SECRET="+secret, "TENANT_MAX_JOINS_PER_SECOND=100000")
	s.Start()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()

	var beats []time.Duration
	var mu sync.Mutex
	var hearts sync.WaitGroup
	resting := make(chan struct{})
	for _, c := range dial(ctx, t, s, early) {
		ch := join(ctx, t, c, "realtime:early", "")
		if ch == nil {
			continue
		}
		hearts.Go(func() { // ends with resting
			for {
				began := time.Now()
				if err := ch.Broadcast(ctx, "beat", nil); err != nil { // acknowledged, as a heartbeat is
					t.Errorf("a heartbeat of somebody who was there: %v", err)
					return
				}
				mu.Lock()
				beats = append(beats, time.Since(began))
				mu.Unlock()
				select {
				case <-resting:
					return
				case <-time.After(beat):
				}
			}
		})
	}

	clients := dial(ctx, t, s, joins/perConn)
	tokens := make([]string, joins)
	for i := range tokens {
		tokens[i] = token(t, i)
	}
	took := make([]time.Duration, joins)
	var all sync.WaitGroup
	began := time.Now()
	for i := range joins {
		all.Go(func() { // ends with its join
			join(ctx, t, clients[i/perConn], fmt.Sprintf("realtime:room-%d", i%500), tokens[i])
			took[i] = time.Since(began)
		})
	}
	all.Wait()
	total := time.Since(began)
	close(resting)
	hearts.Wait()
	slices.Sort(took)
	slices.Sort(beats)
	t.Logf("%d joins in %s, half of them after %s; %d answers to those who were there, the slowest after %s (a machine with other work)",
		joins, total.Round(time.Millisecond), took[joins/2].Round(time.Millisecond), len(beats), beats[len(beats)-1].Round(time.Millisecond))
	if slowest := beats[len(beats)-1]; slowest > missed {
		t.Errorf("somebody who was there waited %s for an answer", slowest)
	}
}

// dial opens n connections.
func dial(ctx context.Context, t *testing.T, s *program.Server, n int) []*client.Client {
	t.Helper()
	list := make([]*client.Client, n)
	for i := range list {
		c, err := client.Dial(ctx, client.Options{URL: s.URL, APIKey: token(t, -i)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = c.Close()
			<-c.Done()
		})
		list[i] = c
	}
	return list
}

func join(ctx context.Context, t *testing.T, c *client.Client, topic, token string) *client.Channel {
	payload := map[string]any{"config": map[string]any{"broadcast": map[string]any{"ack": true}}}
	if token != "" {
		payload["access_token"] = token
	}
	ch, err := c.Join(ctx, topic, payload)
	if err != nil {
		t.Errorf("join %s: %v", topic, err)
		return nil
	}
	go func() { // ends with the connection
		for {
			select {
			case <-ch.Events():
			case <-c.Done():
				return
			}
		}
	}()
	return ch
}

func token(t *testing.T, n int) string {
	t.Helper()
	text, err := tenancy.Sign([]byte(secret), map[string]any{"role": "anon", "sub": fmt.Sprint(n), "exp": time.Now().Add(time.Hour).Unix()})
	if err != nil {
		t.Fatal(err)
	}
	return text
}
