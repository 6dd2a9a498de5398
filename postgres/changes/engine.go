package changes

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"realtime/postgres/wal"
	"realtime/protocol"
)

const (
	// maxBatchRows and maxBatchBytes bound what is decided at once; one Tx may take it over.
	maxBatchRows  = 1000
	maxBatchBytes = 1 << 20
	// idleTick is how often an idle Engine looks whether its connection lives and its catalog changed.
	idleTick = 15 * time.Second
)

// Engine decides rows for subscriptions. Subscribe and Unsubscribe may be called from any goroutine; everything else
// belongs to the goroutine in Run.
type Engine struct {
	o    Options
	wake chan struct{} // capacity 1: there is something in queue

	// Owned by Run.
	session     *session
	catalog     *catalog
	subscribers map[any]*subscriber // by member
	principals  map[principalKey]*principal
	mappings    map[*wal.Relation]*mapping
	patterns    map[name]int // specs by their two names, to know which tables anybody could want
	retries     []*subscriber
	retryAt     time.Time
	notices     map[any]*noticeState
	batches     uint64
	limits      map[uint32]tier // of tables whose images gave a wrong answer; see catalog.limits
	named       map[name]reason // tables that the log has named as slow
	counts      counters
	// parsed are the specs of the last entries that were parsed, which the next subscription may share, and where those are.
	parsed     []Spec
	parsedFrom *protocol.ChangeEntry
	// untilShadow is how many rows there are to go before the next shadow check, shadowed when the last one was.
	untilShadow int
	shadowed    time.Time

	mu    sync.Mutex
	queue []command
}

// principalKey is the identity of a principal.
type principalKey struct{ role, claims string }

// New makes an Engine; [Engine.Run] makes it work.
func New(o Options) *Engine {
	if o.MaxRecordBytes <= 0 {
		o.MaxRecordBytes = 1 << 20
	}
	if o.ShadowEvery == 0 {
		o.ShadowEvery = 1000
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Answer == nil {
		o.Answer = func(Answer) {}
	}
	if o.Deliver == nil {
		o.Deliver = func(any, []Delivery) {}
	}
	if o.Notice == nil {
		o.Notice = func(any, string) {}
	}
	return &Engine{o: o, wake: make(chan struct{}, 1), limits: map[uint32]tier{}, named: map[name]reason{}}
}

// Run decides what comes from in until ctx ends, in is closed or the connection is lost, and says why; it is nil only
// when in was closed. routed, if not nil, is called with each part whose rows were handed over or wanted by nobody, in order.
// A new Run starts without subscriptions: the caller subscribes its members again.
func (e *Engine) Run(ctx context.Context, in <-chan *wal.Tx, routed func(*wal.Tx)) error {
	if err := e.open(ctx); err != nil {
		return err
	}
	defer e.close(ctx)
	idle := time.NewTicker(idleTick)
	defer idle.Stop()
	for {
		err := e.inbox(ctx)
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-e.wake:
		case <-e.retryTimer():
		case <-idle.C:
			err = e.idle(ctx)
		case tx, ok := <-in:
			if !ok {
				return nil
			}
			err = e.takeBatch(ctx, tx, in, routed)
		}
		if err != nil {
			return err
		}
	}
}

// open connects, and forgets what an earlier Run knew.
func (e *Engine) open(ctx context.Context) error {
	s, err := openSession(ctx, e.o.Settings)
	if err != nil {
		return err
	}
	e.session, e.catalog = s, newCatalog()
	e.catalog.limits = e.limits
	e.subscribers, e.principals = map[any]*subscriber{}, map[principalKey]*principal{}
	e.mappings, e.patterns, e.notices = map[*wal.Relation]*mapping{}, map[name]int{}, map[any]*noticeState{}
	e.retries = nil
	return nil
}

// close ends what open began.
func (e *Engine) close(ctx context.Context) {
	e.session.close(ctx)
	e.session = nil
}

// takeBatch adds what is queued behind first, up to a batch, and decides it.
func (e *Engine) takeBatch(ctx context.Context, first *wal.Tx, in <-chan *wal.Tx, routed func(*wal.Tx)) error {
	txs := []*wal.Tx{first}
	rows, size := len(first.Rows), first.Bytes
	for rows < maxBatchRows && size < maxBatchBytes {
		select {
		case tx, ok := <-in:
			if !ok {
				return e.decideAll(ctx, txs, routed)
			}
			txs = append(txs, tx)
			rows, size = rows+len(tx.Rows), size+tx.Bytes
			continue
		default:
		}
		break
	}
	return e.decideAll(ctx, txs, routed)
}

// decideAll looks at the inbox once more, so that whoever subscribed while the batch was on its way is asked about it,
// then decides the batch and confirms it.
func (e *Engine) decideAll(ctx context.Context, txs []*wal.Tx, routed func(*wal.Tx)) error {
	if err := e.inbox(ctx); err != nil {
		return err
	}
	if err := e.decide(ctx, txs); err != nil {
		return err
	}
	if routed != nil {
		for _, tx := range txs {
			routed(tx)
		}
	}
	return nil
}

// idle proves that the connection lives and notices a changed catalog, so that members hear of a table that left the
// publication even when nothing is written.
func (e *Engine) idle(ctx context.Context) error {
	if len(e.subscribers) == 0 {
		return e.ping(ctx)
	}
	changed, err := e.look(ctx, false)
	if err != nil {
		return e.survive(ctx, err, "look at the catalog")
	}
	if changed {
		return e.renew(ctx)
	}
	return nil
}

func (e *Engine) ping(ctx context.Context) error {
	return e.survive(ctx, e.session.exec(ctx, "select 1"), "ask for a sign of life")
}

// survive passes on an error that ended the connection or the context, and logs any other: the Engine goes on.
func (e *Engine) survive(ctx context.Context, err error, doing string) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if e.session.lost() {
		return errors.Join(errConnection, err)
	}
	e.o.Log.Warn("postgres changes: the database could not be asked", "doing", doing, "err", err.Error())
	return e.session.rollback(ctx)
}

var errConnection = errors.New("the connection for changes was lost")
