package changes

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"realtime/postgres"
	"realtime/protocol/codes"
)

// command is one entry of the inbox: a subscription, or the end of one.
type command struct {
	member any
	sub    *Subscription // nil: unsubscribe
}

// Subscribe makes s the member's subscription, in place of an earlier one. It never blocks; Options.Answer tells the
// outcome. s must not change any more. Before Run it queues. Any goroutine may call it.
func (e *Engine) Subscribe(s *Subscription) { e.push(command{member: s.Member, sub: s}) }

// Unsubscribe ends the member's subscription, if it has one. It never blocks. A batch that is being handed over may
// still deliver to the member. Any goroutine may call it.
func (e *Engine) Unsubscribe(member any) { e.push(command{member: member}) }

func (e *Engine) push(c command) {
	e.mu.Lock()
	e.queue = append(e.queue, c)
	e.mu.Unlock()
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// waiting reports whether the inbox has something.
func (e *Engine) waiting() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.queue) > 0
}

// inbox deals with what members want, all at once. It is called between batches only, and between slices of one, when
// no transaction is open. An error ends Run.
func (e *Engine) inbox(ctx context.Context) error {
	e.mu.Lock()
	queue := e.queue
	e.queue = nil
	e.mu.Unlock()
	latest := make(map[any]*subscriber, len(queue)) // of each member only what it wants last
	for i := range queue {
		c := &queue[i]
		delete(latest, c.member)
		e.dropRetry(c.member)
		if c.sub == nil {
			e.remove(c.member)
		} else if sub := e.parse(c.sub); sub != nil {
			latest[c.member] = sub
		}
	}
	var news []*subscriber
	for i := range queue {
		if sub := latest[queue[i].member]; sub != nil {
			news = append(news, sub)
			delete(latest, queue[i].member)
		}
	}
	if len(e.retries) > 0 && !time.Now().Before(e.retryAt) {
		news = append(news, e.retries...)
		e.retries = nil
	}
	if len(news) == 0 {
		return nil
	}
	return e.admit(ctx, news)
}

// parse checks the parameters. A subscription that fails takes the earlier one of its member with it.
func (e *Engine) parse(s *Subscription) *subscriber {
	sub := &subscriber{Subscription: s, followed: make([][]uint32, len(s.Entries)), dormant: make([]bool, len(s.Entries))}
	if n := len(s.Entries); n > 0 && n == len(e.parsed) && &s.Entries[0] == e.parsedFrom {
		sub.specs = e.parsed
		return sub
	}
	sub.specs = make([]Spec, len(s.Entries))
	for i := range s.Entries {
		spec, err := ParseSpec(s.Entries[i])
		if err != nil {
			e.remove(s.Member)
			e.o.Answer(Answer{Member: s.Member, Err: codes.Of(err)})
			return nil
		}
		sub.specs[i] = spec
	}
	if len(sub.specs) > 0 {
		e.parsed, e.parsedFrom = sub.specs, &s.Entries[0]
	}
	return sub
}

// admit makes subscriptions live, or says why not. A fault found in a catalog that is not fresh counts only if a fresh
// one finds it as well.
func (e *Engine) admit(ctx context.Context, news []*subscriber) error {
	err := e.load(ctx, news)
	if err != nil {
		return e.postpone(ctx, news, err)
	}
	live, doubtful, err := e.welcomeAll(ctx, news)
	if err != nil {
		return err
	}
	if len(doubtful) == 0 {
		return e.announce(ctx, live, false)
	}
	e.catalog.doubt()
	if err := e.load(ctx, doubtful); err != nil {
		return errors.Join(e.announce(ctx, live, false), e.postpone(ctx, doubtful, err))
	}
	more, faulty, err := e.welcomeAll(ctx, doubtful)
	if err != nil {
		return err
	}
	for _, sub := range faulty {
		_, fault := e.judge(sub)
		e.remove(sub.Member)
		e.o.Answer(Answer{Member: sub.Member, Err: codes.Of(fault), Warnings: e.unpublished(ctx, sub)})
	}
	return e.announce(ctx, append(live, more...), true)
}

// announce tells members that they are live, with what would keep them silent. A warning from a catalog that is not fresh
// counts only if a fresh one has it, too: somebody may just have run the SQL that an earlier warning gave.
func (e *Engine) announce(ctx context.Context, live []*subscriber, fresh bool) error {
	var err error
	if !fresh && slices.ContainsFunc(live, func(sub *subscriber) bool { return len(e.preflight(sub)) > 0 }) {
		e.catalog.doubt()
		err = e.load(ctx, live)
	}
	for _, sub := range live {
		e.o.Answer(Answer{Member: sub.Member, Warnings: e.preflight(sub)})
	}
	return e.survive(ctx, err, "look for what would keep subscriptions silent")
}

// welcomeAll makes those subscriptions live that are without fault, once their claims are stored. The faulty ones are
// returned as well. If claims cannot be stored, the subscriptions are postponed.
func (e *Engine) welcomeAll(ctx context.Context, subs []*subscriber) (live, faulty []*subscriber, err error) {
	good := map[*subscriber][][]uint32{}
	for _, sub := range subs {
		tables, fault := e.judge(sub)
		if fault != nil {
			faulty = append(faulty, sub)
			continue
		}
		good[sub] = tables
		live = append(live, sub)
		e.engage(sub)
	}
	if err := e.storeAll(ctx, good); err != nil {
		for _, sub := range live {
			e.release(sub)
		}
		return nil, faulty, e.postpone(ctx, live, err)
	}
	for _, sub := range live {
		e.welcome(sub, good[sub])
	}
	return live, faulty, nil
}

// engage gives the subscriber its principal.
func (e *Engine) engage(sub *subscriber) {
	key := principalKey{sub.Role, sub.Claims}
	p := e.principals[key]
	if p == nil {
		p = &principal{role: sub.Role, claims: sub.Claims}
		e.principals[key] = p
	}
	sub.principal, sub.at = p, len(p.subs)
	p.subs = append(p.subs, sub)
}

// release takes the subscriber's principal away, which is forgotten with its last one.
func (e *Engine) release(sub *subscriber) {
	subs, last := sub.principal.subs, len(sub.principal.subs)-1
	subs[sub.at] = subs[last]
	subs[sub.at].at = sub.at
	subs[last] = nil
	sub.principal.subs = subs[:last]
	if last == 0 {
		sub.principal.leave()
		delete(e.principals, principalKey{sub.Role, sub.Claims})
	}
}

// welcome makes a subscription live in place of the member's earlier one; announce says so.
func (e *Engine) welcome(sub *subscriber, tables [][]uint32) {
	e.remove(sub.Member)
	e.subscribers[sub.Member] = sub
	for i := range sub.specs {
		e.patterns[name{sub.specs[i].Schema, sub.specs[i].Table}]++
	}
	e.enlist(sub, tables)
}

// remove ends the member's subscription.
func (e *Engine) remove(member any) {
	e.dropRetry(member)
	sub := e.subscribers[member]
	if sub == nil {
		return
	}
	sub.gone = true
	delete(e.subscribers, member)
	delete(e.notices, member)
	for _, en := range sub.entries {
		if e.catalog.tables[en.table.oid] == en.table { // else the index went with its catalog
			en.table.index.remove(en)
		}
	}
	for i := range sub.specs {
		n := name{sub.specs[i].Schema, sub.specs[i].Table}
		if e.patterns[n]--; e.patterns[n] == 0 {
			delete(e.patterns, n)
		}
	}
	e.release(sub)
}

// dropRetry forgets a postponed subscription.
func (e *Engine) dropRetry(member any) {
	if len(e.retries) == 0 {
		return
	}
	e.retries = slices.DeleteFunc(e.retries, func(s *subscriber) bool { return s.Member == member })
}

// postpone answers trouble that is nobody's fault and tries again by itself.
func (e *Engine) postpone(ctx context.Context, news []*subscriber, err error) error {
	if err := e.survive(ctx, err, "make subscriptions live"); err != nil {
		return err
	}
	fault := codes.Wrap(codes.UnableToSubscribeToPostgres, err, "%s",
		"Unable to subscribe to changes: the database could not be asked (SQLSTATE "+postgres.State(err)+"). It is tried again.")
	if postgres.IsQueryCanceled(err) || postgres.State(err) == "55P03" || errors.Is(err, context.DeadlineExceeded) { // lock_not_available
		fault = codes.Wrap(codes.IncreaseSubscriptionConnectionPool, err, "%s", `{:error, "Too many database timeouts"}`)
	}
	if len(e.retries) == 0 {
		e.retryAt = time.Now().Add(5*time.Second + rand.N(5*time.Second))
	}
	for _, sub := range news {
		if sub.tries++; sub.tries == 1 {
			e.o.Answer(Answer{Member: sub.Member, Err: fault, Retry: true})
		}
		e.retries = append(e.retries, sub)
	}
	return nil
}

// retryTimer fires when postponed subscriptions are due; nil when there are none.
func (e *Engine) retryTimer() <-chan time.Time {
	if len(e.retries) == 0 {
		return nil
	}
	return time.After(time.Until(e.retryAt))
}
