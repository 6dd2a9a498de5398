package changes

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"realtime/postgres/wal"
	"realtime/protocol"
	"realtime/protocol/codes"
)

// Question asks whether a subscriber gets what happens to a row.
type Question struct {
	// Entry is the subscription's one element; schema and table are named in full.
	Entry protocol.ChangeEntry
	// Role and Claims are those of a [Subscription].
	Role, Claims string
	// Op is what happens to the row. [Watch] does not look at it, nor at Row.
	Op wal.Op
	// Row names the row by the values of columns, as a rule the primary key's, in the types' input syntax.
	Row []ColumnValue
}

// ColumnValue is one column with a value in the input syntax of its type. An empty Column stands for the only column of
// the primary key.
type ColumnValue struct{ Column, Value string }

// Outcome is what becomes of a row for a subscriber.
type Outcome string

// The outcomes.
const (
	Delivered Outcome = "delivered" // with its columns
	Empty     Outcome = "error"     // an event without columns that carries an error
	Dropped   Outcome = "dropped"   // nothing arrives
)

// StepName names a step on a row's way to a subscriber.
type StepName string

// The steps, in the order in which a row takes them.
const (
	StepPublication  StepName = "publication"  // the table, the event and the row are published
	StepSubscription StepName = "subscription" // the server accepts the subscription
	StepEvent        StepName = "event"        // the subscription wants this event
	StepKey          StepName = "key"          // the table has a primary key
	StepUsage        StepName = "usage"        // the role may use the schema
	StepPrivilege    StepName = "privilege"    // the role may read the key
	StepFilter       StepName = "filter"       // the row matches the filter
	StepPolicy       StepName = "policy"       // row level security lets the role with its claims see it
	StepImage        StepName = "image"        // where the row has to be read again, it is still the one of the event
	StepSize         StepName = "size"         // the record is not too large
)

var stepOrder = []StepName{StepPublication, StepSubscription, StepEvent, StepKey, StepUsage, StepPrivilege, StepFilter, StepPolicy, StepImage, StepSize}

// StepState is what a step did with the row.
type StepState string

// The states of a step.
const (
	Passed     StepState = "ok"
	Stopped    StepState = "dropped"
	Emptied    StepState = "error"       // the row goes on without its columns, or without large values
	NotAsked   StepState = "not asked"   // the step does not apply
	NotReached StepState = "not reached" // an earlier step stopped the row
)

// Step is one step of the way.
type Step struct {
	Name   StepName  `json:"step"`
	State  StepState `json:"state"`
	Detail string    `json:"detail,omitempty"`
	Mend   string    `json:"mend,omitempty"` // SQL
}

// Policy is one policy with a say in what the role reads, and what it says of the row.
type Policy struct {
	Name        string   `json:"name"`
	Restrictive bool     `json:"restrictive"`
	Command     string   `json:"command"`
	Roles       []string `json:"roles"`
	Applies     bool     `json:"applies"`    // to the role asked about
	Expression  string   `json:"expression"` // as Postgres writes it
	Says        string   `json:"says"`       // "true", "false", "null", the text of an error; "" if not asked
}

// Explanation says what becomes of one row for one subscriber, and why. It quotes the row, the claims and errors of
// Postgres: it is for whoever runs the database.
type Explanation struct {
	Table    string   `json:"table"` // schema and table, quoted
	Event    string   `json:"event"`
	Role     string   `json:"role"`
	Outcome  Outcome  `json:"outcome"`
	At       StepName `json:"at,omitempty"` // the step that decided, unless Delivered
	Steps    []Step   `json:"steps"`
	Tier     string   `json:"tier,omitempty"`
	Plan     string   `json:"plan,omitempty"` // what the tier means
	Policies []Policy `json:"policies,omitempty"`
	// Why is what keeps the plan from T1, Rewrite what to write instead, if there is something.
	Why     string `json:"why,omitempty"`
	Rewrite string `json:"rewrite,omitempty"`
	// Hoisted are the parts of the policies that are computed once for each claims.
	Hoisted []string `json:"hoisted,omitempty"`
	// Warnings are what the member would be told when it subscribes.
	Warnings []string        `json:"warnings,omitempty"`
	Data     json.RawMessage `json:"data,omitempty"` // what arrives
}

// ErrNoRow is wrapped by the error of [Explain] when the row is not there.
var ErrNoRow = errors.New("there is no such row")

// Explain asks what becomes of an event of a row that is in its table now, by the steps of an [Engine] with a connection of
// its own. Nothing is written and nothing is streamed. Of an UPDATE it is taken that no value changed. Of o it uses
// Settings, Publication and MaxRecordBytes. Errors are of the connection, or wrap [ErrNoRow]; whatever else may be wrong is
// part of the explanation.
func Explain(ctx context.Context, o Options, q Question) (*Explanation, error) {
	x, err := newExplainer(ctx, o, q)
	if err != nil {
		return nil, err
	}
	defer x.e.close(ctx)
	a, err := x.explain(ctx)
	if err != nil {
		return nil, fmt.Errorf("explain: %w", err)
	}
	return a, nil
}

// explainer is an Engine for one member, whose steps are run one by one.
type explainer struct {
	e         *Engine
	q         Question
	sub       *subscriber // nil if it was refused
	answer    Answer
	delivered []Delivery
}

// maxLooks is how often a row is asked about anew because the catalog changed.
const maxLooks = 20

// errAgain says that the database could not be asked just now.
var errAgain = errors.New("the database could not be asked just now")

// newExplainer connects and subscribes.
func newExplainer(ctx context.Context, o Options, q Question) (*explainer, error) {
	x := &explainer{q: q}
	o.Answer = func(a Answer) { x.answer = a }
	o.Deliver = func(_ any, rows []Delivery) { x.delivered = append(x.delivered, rows...) }
	o.Notice = func(any, string) {} // the steps say it
	x.e = New(o)
	if err := x.e.open(ctx); err != nil {
		return nil, err
	}
	if err := x.subscribe(ctx); err != nil {
		x.e.close(ctx)
		return nil, err
	}
	return x, nil
}

func (x *explainer) subscribe(ctx context.Context) error {
	s := Subscription{Member: x, Role: x.q.Role, Claims: x.q.Claims, Entries: []protocol.ChangeEntry{x.q.Entry}}
	if sub := x.e.parse(&s); sub != nil {
		if err := x.e.admit(ctx, []*subscriber{sub}); err != nil {
			return err
		}
	}
	if x.answer.Retry {
		return errors.Join(errAgain, x.answer.Err)
	}
	x.sub = x.e.subscribers[x]
	return nil
}

// name is the table asked about.
func (x *explainer) name() name {
	n := name{schema: "public"}
	if s := x.q.Entry.Schema; s != nil {
		n.schema = *s
	}
	if t := x.q.Entry.Table; t != nil {
		n.table = *t
	}
	return n
}

// begin starts an explanation with what is known before a row is looked at; that may be enough.
func (x *explainer) begin(ctx context.Context, op wal.Op) (*path, error) {
	p := newPath(x, op)
	err := p.publishes(ctx)
	switch fault := x.answer.Err; {
	case err != nil || p.done:
	case fault != nil:
		p.stop(StepSubscription, fault.Text, "")
	case len(x.sub.entries) == 0: // the catalog has changed since it was accepted
		_, refusal := x.e.judge(x.sub)
		p.stop(StepSubscription, codes.Of(cmp.Or(refusal, error(unmatched(&x.sub.specs[0])))).Text, "")
	default:
		p.pass(StepSubscription, "")
	}
	return p, err
}

// explain is Explain for a row of the table, anew if the catalog changed under it.
func (x *explainer) explain(ctx context.Context) (*Explanation, error) {
	for range maxLooks {
		out, err := x.explainOnce(ctx)
		if err == nil || !errors.Is(err, errStale) && !x.moved(ctx) {
			return out, err
		}
		if err := x.e.rollbackAndRenew(ctx); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: its catalog keeps changing; ask again when that has ended, a migration perhaps", errAgain)
}

func (x *explainer) explainOnce(ctx context.Context) (*Explanation, error) {
	p, err := x.begin(ctx, x.q.Op)
	if err != nil {
		return nil, err
	}
	if p.done {
		return p.out, nil
	}
	tx, err := x.readRow(ctx, p)
	if err != nil {
		return nil, err
	}
	if !p.done {
		err = p.walk(ctx, tx, false)
	}
	return p.out, err
}

// look opens a transaction that shows the catalog at hand.
func (x *explainer) look(ctx context.Context) error {
	changed, err := x.e.look(ctx, true)
	if changed {
		return errStale
	}
	return err
}

// moved reports whether the catalog changed, which may be what an error comes of: a name in a statement means what it means
// now, whatever the transaction's snapshot shows.
func (x *explainer) moved(ctx context.Context) bool {
	if x.e.session.lost() || x.e.session.rollback(ctx) != nil {
		return false
	}
	changed, err := x.e.look(ctx, false)
	return changed && err == nil
}
