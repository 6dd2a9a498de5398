package actors

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"realtime/postgres/authz"
	"realtime/postgres/messages"
	"realtime/protocol"
	"realtime/tenancy"
)

// maxStoring bounds the messages of all tenants that were published over HTTP and wait to be stored.
const maxStoring = 10_000

var errNoPersistence = errors.New("no INSERT policy on realtime.messages lets the sender store messages of this topic (extension persistence)")

// PublishStored publishes a message for a private topic, as Publish does, and stores it in the background if the grants of
// its sender, which are about that topic, let it. That it could not be stored is only logged, as UnableToPersistMessage.
func (s *System) PublishStored(ctx context.Context, t *tenancy.Tenant, p Publication, persist *protocol.Persist, g *authz.Grants) error {
	p.Broadcast.ID = uuid.NewString()
	if err := s.Publish(ctx, t, []Publication{p}); err != nil {
		return err
	}
	a, err := s.attach(t)
	if err != nil {
		return err
	}
	log := s.log.With("tenant", t.ExternalID, "topic", p.Topic)
	if err := s.storable(p, persist, g); err != nil {
		logUnstored(ctx, log, err)
		return nil
	}
	s.storing.Add(1)
	if a.db.shelf.put(p.Topic, messages.Stored{Broadcast: p.Broadcast, TTL: persist.TTL}) {
		go s.storeShelf(a.db, p.Topic, log) // ends when the topic's messages are stored, or cannot be
	}
	return nil
}

// shelf is the messages of a tenant that were published over HTTP and wait to be stored, by topic. A topic is there while one
// goroutine stores its messages: rows have the order of the broadcasts.
type shelf struct {
	mu     sync.Mutex
	topics map[string][]messages.Stored
}

// put adds a message and reports whether the caller has to see to it that the topic's messages are stored.
func (s *shelf) put(topic string, m messages.Stored) (first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.topics == nil {
		s.topics = map[string][]messages.Stored{}
	}
	list, busy := s.topics[topic]
	s.topics[topic] = append(list, m)
	return !busy
}

// take removes what is to be stored next of a topic, and the topic if nothing is.
func (s *shelf) take(topic string) []messages.Stored {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.topics[topic]
	if len(list) == 0 {
		delete(s.topics, topic)
		return nil
	}
	n := min(len(list), storeRows)
	s.topics[topic] = list[n:]
	return list[:n:n]
}

// storeShelf stores the messages of a topic, all that wait in one statement, until none wait.
func (s *System) storeShelf(db *tenantDatabase, topic string, log *slog.Logger) {
	for list := db.shelf.take(topic); len(list) > 0; list = db.shelf.take(topic) {
		ctx, cancel := context.WithTimeout(s.life, storeTimeout)
		for _, err := range db.store(ctx, topic, list) {
			logUnstored(ctx, log, err)
		}
		cancel()
		s.storing.Add(int64(-len(list)))
	}
}

// storable is why a published message cannot be stored.
func (s *System) storable(p Publication, persist *protocol.Persist, g *authz.Grants) error {
	switch {
	case !p.Private:
		return errPublic
	case persist.Err != nil:
		return persist.Err
	case p.Broadcast.Form == protocol.FormPayload:
		return errNoEvent
	case !g.May(authz.WritePersistence):
		if g != nil {
			if f := g.Err(authz.WritePersistence); f != nil {
				return f
			}
		}
		return errNoPersistence
	case s.storing.Load() >= maxStoring:
		return errCrowded
	}
	return nil
}

// store writes broadcasts of a topic. It blocks.
func (d *tenantDatabase) store(ctx context.Context, topic string, list []messages.Stored) []error {
	pool, err := d.open(ctx)
	if err != nil {
		return slices.Repeat([]error{err}, len(list))
	}
	return messages.Store(ctx, pool, topic, list)
}

// endStores waits until what was promised to be stored is.
func (s *System) endStores(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	for s.storing.Load() > 0 && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
}
