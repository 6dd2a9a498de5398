package actors

import (
	"context"
	"errors"
	"slices"
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
	go func() { // ends when it is stored, at the latest after storeTimeout or with the tree
		defer s.storing.Add(-1)
		ctx, cancel := context.WithTimeout(s.life, storeTimeout)
		defer cancel()
		for _, err := range a.db.store(ctx, p.Topic, []messages.Stored{{Broadcast: p.Broadcast, TTL: persist.TTL}}) {
			logUnstored(ctx, log, err)
		}
	}()
	return nil
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
