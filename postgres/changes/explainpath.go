package changes

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"realtime/postgres/wal"
)

// path is one row's way, as far as it went.
type path struct {
	*explainer
	op   wal.Op
	out  *Explanation
	done bool // a step stopped the row
}

func newPath(x *explainer, op wal.Op) *path {
	n := x.name()
	out := &Explanation{Table: n.String(), Event: op.String(), Role: x.q.Role, Outcome: Delivered, Warnings: x.answer.Warnings}
	for _, s := range stepOrder {
		out.Steps = append(out.Steps, Step{Name: s, State: NotReached})
	}
	return &path{explainer: x, op: op, out: out}
}

func (p *path) step(name StepName) *Step {
	return &p.out.Steps[slices.IndexFunc(p.out.Steps, func(s Step) bool { return s.Name == name })]
}

func (p *path) set(name StepName, state StepState, detail, mend string) {
	*p.step(name) = Step{Name: name, State: state, Detail: detail, Mend: mend}
}

func (p *path) pass(name StepName, detail string) { p.set(name, Passed, detail, "") }

// stop: nothing arrives, because of this step.
func (p *path) stop(name StepName, detail, mend string) {
	p.set(name, Stopped, detail, mend)
	p.out.Outcome, p.out.At, p.done = Dropped, name, true
}

// empty: an error arrives in place of the columns, because of this step.
func (p *path) empty(name StepName, w trouble) {
	p.set(name, Emptied, w.text, w.mend)
	p.out.Outcome, p.out.At = Empty, name
}

// publishes looks at the publication.
func (p *path) publishes(ctx context.Context) error {
	n := p.name()
	if n.schema == "realtime" || n.schema == "_realtime" {
		p.stop(StepPublication, "tables of schema "+n.schema+" are the server's own and never delivered", "")
		return nil
	}
	if _, in := p.e.catalog.publication.byName[n]; !in && p.sub == nil {
		if err := p.e.catalog.loadPublication(ctx, p.e.session, p.e.o.Publication); err != nil {
			return err
		}
	}
	if _, in := p.e.catalog.publication.byName[n]; !in {
		w, found, err := p.e.unpublishedTable(ctx, n)
		if err != nil {
			return err
		}
		if !found {
			w = trouble{text: fmt.Sprintf("there is no table %s that could be published", n)}
		}
		p.stop(StepPublication, w.text, w.mend)
		return nil
	}
	if event := p.op.String(); !p.e.catalog.publication.actions[event] {
		w := p.e.publishTrouble(event)
		p.stop(StepPublication, w.text, w.mend)
		return nil
	}
	p.pass(StepPublication, "in "+pgx.Identifier{p.e.o.Publication}.Sanitize())
	return nil
}

// walk takes a transaction of one row through the Engine's own steps and notes where the subscriber is dropped. streamed
// says that it came from the stream, so that its commit may not be visible yet.
func (p *path) walk(ctx context.Context, tx *wal.Tx, streamed bool) error {
	e, en := p.e, p.sub.entries[0]
	p.describe(en)
	e.batches++
	b := &batch{serial: e.batches, txs: []*wal.Tx{tx}, now: time.Now(), looked: time.Now(), patient: !streamed, calm: true}
	if e.route(b); len(b.rows) == 0 {
		return p.unwanted(ctx, en, tx)
	}
	r := b.rows[0]
	p.pass(StepEvent, "")
	p.grants(en)
	if err := p.decide(ctx, b, r, streamed); err != nil {
		return err
	}
	p.delivered = nil
	if r.wanted() {
		if err := e.handOver(ctx, b); err != nil {
			return err
		}
	}
	if len(p.delivered) == 0 || len(p.delivered[0].To) == 0 {
		if !p.done { // a step that is not known here: the Engine's word counts
			p.stop(StepPolicy, "the row is denied", "")
		}
		return nil
	}
	p.out.Data = json.RawMessage(p.delivered[0].Data)
	if p.out.Outcome == Delivered {
		p.size(r)
	}
	return nil
}

// unwanted: the index has nobody who may want the row.
func (p *path) unwanted(ctx context.Context, en *entry, tx *wal.Tx) error {
	if !en.events[opIndex(p.op)] {
		p.stop(StepEvent, fmt.Sprintf("the subscription wants %s alone", en.spec.Event), "")
		return nil
	}
	p.pass(StepEvent, "")
	p.grants(en)
	r := &batchRow{Row: &tx.Rows[0], tx: tx, mapping: p.e.mapRelation(tx.Rows[0].Rel)}
	if r.mapping.table == nil || r.mapping.crossed {
		p.stop(StepImage, "the table's columns changed places since this row was written", "")
		return nil
	}
	err := p.filtered(ctx, en, r)
	if err == nil && !p.done {
		p.stop(StepFilter, "the row does not match", "")
	}
	return err
}

// grants notes what the role may not even ask for. Such a row is delivered all the same, but empty.
func (p *path) grants(en *entry) {
	w, found := p.e.readTrouble(en)
	steps := []struct {
		name StepName
		kind troubleKind
	}{{StepKey, troubleKey}, {StepUsage, troubleUsage}, {StepPrivilege, troublePrivilege}}
	for _, s := range steps {
		switch {
		case opIndex(p.op) == opDelete:
			p.set(s.name, NotAsked, "of a DELETE only the key is shown", "")
		case found && w.kind == s.kind:
			p.empty(s.name, w)
			return
		default:
			p.pass(s.name, "")
		}
	}
}

// size notes whether large values were left out.
func (p *path) size(r *batchRow) {
	if !p.e.tooLarge(r) {
		p.pass(StepSize, "")
		return
	}
	p.set(StepSize, Emptied, fmt.Sprintf("the record is larger than %d bytes: it arrives with Error 413 and without values over %d bytes", p.e.o.MaxRecordBytes, smallValue), "")
}

// shown is a value for eyes.
func shown(text *string) string {
	const most = 60
	switch {
	case text == nil:
		return "NULL"
	case len(*text) > most:
		return fmt.Sprintf("%q…", strings.ToValidUTF8((*text)[:most], ""))
	}
	return fmt.Sprintf("%q", *text)
}
