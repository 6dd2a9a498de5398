package changes

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"realtime/protocol/codes"
)

// maxRounds bounds how often loading what is missing shows that more is missing.
const maxRounds = 12

// load fills the catalog with what the subscribers need. It costs nothing when everything is known. A catalog that turns
// out to be stale is thrown away; then the live subscriptions are judged again, too.
func (e *Engine) load(ctx context.Context, subs []*subscriber) error {
	if len(e.catalog.checks) > keptChecks {
		clear(e.catalog.checks) // what is still needed is asked again
	}
	changed, err := e.loadRounds(ctx, subs)
	if err != nil {
		half := changed || len(e.session.fresh) > 0 // plans whose functions are rolled back
		if !e.session.lost() {
			err = errors.Join(err, e.session.rollback(ctx))
		}
		if half {
			e.catalog.fingerprint = staleFingerprint // what was read is not whole: begin anew next time
		}
		return err
	}
	e.nameSlow()
	if changed {
		return e.reenlist(ctx)
	}
	return nil
}

// staleFingerprint is equal to none that a server makes.
const staleFingerprint = "stale"

func (e *Engine) loadRounds(ctx context.Context, subs []*subscriber) (changed bool, err error) {
	for range maxRounds {
		n := e.missing(subs)
		if n.none() {
			return changed, e.seal(ctx)
		}
		if !e.session.inTx {
			stale, err := e.openCatalog(ctx)
			if err != nil {
				return changed, err
			}
			if stale {
				changed = true
				if err := e.forget(ctx); err != nil {
					return changed, err
				}
				subs = append(slices.Collect(maps.Values(e.subscribers)), subs...)
				continue
			}
		}
		if err := e.fetch(ctx, n); err != nil {
			return changed, err
		}
	}
	return changed, fmt.Errorf("read the catalog: it is not complete after %d rounds", maxRounds)
}

// forget throws the catalog away, and the functions made for its plans.
func (e *Engine) forget(ctx context.Context) error {
	e.catalog = newCatalog()
	e.catalog.limits = e.limits
	clear(e.mappings)
	return e.session.dropFunctions(ctx)
}

// openCatalog opens the transaction that the catalog is read in and reports whether what is known is stale in it.
func (e *Engine) openCatalog(ctx context.Context) (stale bool, err error) {
	changed, err := e.look(ctx, true)
	if err != nil {
		return false, fmt.Errorf("look at the catalog: %w", err)
	}
	if err := e.session.exec(ctx, "set local search_path = ''"); err != nil {
		return false, err
	}
	return changed && e.catalog.fingerprint != "", nil
}

// seal takes the fingerprint of what was read and ends the transaction, if one is open.
func (e *Engine) seal(ctx context.Context) error {
	if !e.session.inTx {
		return nil
	}
	v, err := e.session.look(ctx, &e.catalog.watch, false)
	if err != nil {
		return fmt.Errorf("take the catalog's fingerprint: %w", err)
	}
	e.catalog.fingerprint = v.fingerprint
	return e.session.commit(ctx)
}

// missing collects what is not known yet.
func (e *Engine) missing(subs []*subscriber) *needs {
	n := newNeeds()
	x := e.examiner(n)
	for _, sub := range subs {
		for i := range sub.specs {
			for _, oid := range x.tablesOf(&sub.specs[i], sub.followed[i]) {
				_ = x.examine(sub.Role, &sub.specs[i], oid) // a verdict counts once nothing is missing
			}
		}
	}
	return n
}

func (e *Engine) examiner(n *needs) *examiner {
	return &examiner{catalog: e.catalog, needs: n, path: e.session.path}
}

// fetch loads one round of needs.
func (e *Engine) fetch(ctx context.Context, n *needs) error {
	c, s := e.catalog, e.session
	if n.publication {
		if err := c.loadPublication(ctx, s, e.o.Publication); err != nil {
			return fmt.Errorf("read the publication: %w", err)
		}
	}
	if n.patterns {
		if err := c.loadPatterns(ctx, s); err != nil {
			return fmt.Errorf("read operators: %w", err)
		}
	}
	if len(n.roles) > 0 {
		if err := c.loadRoles(ctx, s, slices.Sorted(maps.Keys(n.roles))); err != nil {
			return fmt.Errorf("read roles: %w", err)
		}
	}
	if len(n.tables) > 0 {
		oids := sortedKeys(n.tables)
		for _, oid := range oids {
			c.tables[oid] = nil // unless it is found
		}
		if err := c.loadTables(ctx, s, oids); err != nil {
			return err
		}
	}
	for _, role := range slices.Sorted(maps.Keys(n.plans)) {
		if err := c.loadPlans(ctx, s, role, sortedKeys(n.plans[role])); err != nil {
			return err
		}
	}
	if err := c.loadChecks(ctx, s, n.checks); err != nil {
		return fmt.Errorf("check filters: %w", err)
	}
	return nil
}

// judge returns the tables of each spec, or the first fault. Everything it needs is loaded.
func (e *Engine) judge(sub *subscriber) ([][]uint32, error) {
	x := e.examiner(newNeeds())
	out := make([][]uint32, len(sub.specs))
	for i := range sub.specs {
		tables, err := judgeSpec(x, sub, i)
		if err != nil {
			return nil, err
		}
		out[i] = tables
	}
	return out, nil
}

// judgeSpec judges one spec.
func judgeSpec(x *examiner, sub *subscriber, i int) ([]uint32, error) {
	spec := &sub.specs[i]
	oids := x.tablesOf(spec, sub.followed[i])
	for _, oid := range oids {
		if err := x.examine(sub.Role, spec, oid); err != nil {
			return nil, refused(spec, err)
		}
	}
	oids = slices.DeleteFunc(oids, func(oid uint32) bool { return x.tables[oid] == nil })
	if len(oids) == 0 {
		return nil, unmatched(spec)
	}
	return oids, nil
}

// enlist makes the subscriber's entries and puts them into the index.
func (e *Engine) enlist(sub *subscriber, tables [][]uint32) {
	x := e.examiner(newNeeds())
	for i, oids := range tables {
		for _, oid := range oids {
			t := e.catalog.tables[oid]
			en := x.compile(sub, &sub.specs[i], t)
			sub.entries = append(sub.entries, en)
		}
		if oids != nil {
			sub.followed[i] = oids
		}
		sub.dormant[i] = !x.published(oids)
	}
	type place struct {
		table *table
		op    int
	}
	on := map[place]int{}
	for _, en := range sub.entries {
		for op, wants := range en.events {
			if wants {
				on[place{en.table, op}]++
			}
		}
	}
	for _, en := range sub.entries {
		for op := range opCount {
			en.alone[op] = on[place{en.table, op}] == 1
		}
		if en.plan.tier == tierJoin {
			en.group = sub.principal.groupOf(en.plan)
		}
		en.table.index.add(en)
	}
	clear(e.mappings) // some may have become wanted
}

// reenlist judges every live subscription again under a new catalog. What no longer holds sleeps until it does again,
// and its member is told.
func (e *Engine) reenlist(ctx context.Context) error {
	x := e.examiner(newNeeds())
	judged := make(map[*subscriber][][]uint32, len(e.subscribers))
	for _, p := range e.principals {
		p.groups = nil // of plans that are no more
	}
	for _, sub := range e.subscribers {
		sub.entries = nil
		tables := make([][]uint32, len(sub.specs))
		for i := range sub.specs {
			oids, err := judgeSpec(x, sub, i)
			if err == nil && !x.published(oids) {
				err = unmatched(&sub.specs[i])
			}
			if err != nil && !sub.dormant[i] {
				e.notify(sub, codes.Of(err).Text)
			}
			tables[i] = oids
		}
		judged[sub] = tables
	}
	if err := e.storeAll(ctx, judged); err != nil {
		return err
	}
	for sub, tables := range judged {
		e.enlist(sub, tables)
	}
	return nil
}

// storeAll stores the claims of subscribers whose tables are given, where their plans need it. If it fails everything is
// read anew: some of it may be stored.
func (e *Engine) storeAll(ctx context.Context, judged map[*subscriber][][]uint32) error {
	wanted := map[*plan][]*principal{}
	asked := map[wish]bool{}
	for sub, tables := range judged {
		for _, oid := range slices.Concat(tables...) {
			p := e.catalog.tables[oid].plans[sub.Role]
			k := wish{plan: p, who: sub.principal}
			if p == nil || p.tier != tierJoin && p.tier != tierClaims || asked[k] || sub.principal.knows(p) {
				continue
			}
			asked[k] = true
			wanted[p] = append(wanted[p], sub.principal)
		}
	}
	err := e.store(ctx, wanted)
	if err != nil {
		e.catalog.fingerprint = staleFingerprint
	}
	return err
}

// renew reads the catalog anew for all subscriptions.
func (e *Engine) renew(ctx context.Context) error {
	e.catalog.fingerprint = staleFingerprint
	e.catalog.publication.tables = nil // so that something is missing
	return e.survive(ctx, e.load(ctx, slices.Collect(maps.Values(e.subscribers))), "read the catalog")
}
