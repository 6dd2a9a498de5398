package wal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"realtime/postgres"
	"realtime/protocol/codes"
)

// closeLimit bounds how long Close waits for the server to let go of the slot.
const closeLimit = 5 * time.Second

// past is a deadline that wakes whoever reads.
var past = time.Unix(1, 0)

// Options say what to stream and from where.
type Options struct {
	Settings    postgres.Settings
	Slot        string // [a-z0-9_], 1 to 63 bytes
	Publication string // must exist before the slot does; any name
	// Durable keeps the slot when the stream ends and takes it up again. By default the slot is temporary: it and the
	// WAL it holds go with the connection.
	Durable bool
	// From is the Place of the stream before: nothing up to it is delivered again, even where a crash of the server made
	// a durable slot forget what was confirmed. The zero Place means what the slot remembers. See [Stream.Gap].
	From Place
	// Late keeps confirmations back, of a durable slot: the server hears of one that much later, or when LateBytes of
	// log lie behind it. 0: within a second.
	Late      time.Duration
	LateBytes int64
	// QueueBytes bounds the row images that were delivered and are not Done: the reader waits and Postgres spools. 0: the
	// chan given to Run is the only bound, and nobody needs to call Done.
	QueueBytes int64
	// Evict ends the session that reads a durable slot. Only for whoever holds the lock that says who may read it.
	Evict bool
	Log   *slog.Logger // nil: nothing is logged

	silence time.Duration // see patienceWith; shorter in tests
}

// Stream is an open replication connection. Run belongs to one goroutine, everything else may be called by any.
type Stream struct {
	o        Options
	conn     net.Conn
	frontend *pgproto3.Frontend // reads from conn; Run's alone
	decoder  *decoder           // Run's alone, its counter aside
	start    LSN
	gap      bool
	lost     bool
	at       positions
	pulse    *pulse

	queued  atomic.Int64  // bytes of row images that are on their way
	freed   chan struct{} // holds one: there is more room than there was
	running sync.Mutex    // held by Run, and for good by Close
	closing chan struct{} // closed by Close
	pulsed  chan struct{} // closed when the pulse has stopped
	broken  error         // why the pulse stopped by itself; to be read after pulsed is closed
	once    sync.Once
	closed  error // what Close returned
}

// Open connects, makes or takes up the slot and starts replication. When it returns, every transaction that commits
// from now on will be seen by Run. The caller must Close the stream, whether it Runs it or not.
//
// Making a slot waits for the transactions that are open at that moment: give ctx a deadline. Errors carry the codes
// ReplicationSlotBeingUsed, ReplicationSlotNotAlive, ReplicationMaxWalSendersReached, ReplicationConnectionTimeout,
// StartReplicationFailed and UnableToConnectToTenantDatabase; see ErrSlotInUse and its neighbours for causes to act on.
func Open(ctx context.Context, o Options) (*Stream, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if err := o.check(); err != nil {
		return nil, codes.Wrap(codes.StartReplicationFailed, err, "")
	}
	conn, err := dial(ctx, o.Settings)
	if err != nil {
		return nil, o.fault(err, codes.UnableToConnectToTenantDatabase, "connecting for replication")
	}
	s, err := begin(ctx, conn, o)
	if err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeLimit)
		defer cancel()
		_ = conn.Close(ctx) // a temporary slot goes with it; err says more
		return nil, err
	}
	return s, nil
}

// begin makes a stream of a fresh connection.
func begin(ctx context.Context, conn *pgconn.PgConn, o Options) (*Stream, error) {
	server, err := inspect(ctx, conn, &o)
	if err != nil {
		return nil, o.fault(err, codes.StartReplicationFailed, "reading the server's replication settings")
	}
	if o.Evict && o.Durable && server.pid != 0 {
		if server, err = evict(ctx, conn, &o, server.pid); err != nil {
			return nil, o.fault(err, codes.StartReplicationFailed, "ending the session that reads the slot")
		}
	}
	if err := o.ready(&server); err != nil {
		return nil, err
	}
	if o.Durable && server.keepSize == "-1" {
		o.Log.Warn("a durable slot may fill the database's disk while nobody reads it",
			slog.String("slot", o.Slot), slog.String("mend", "alter system set max_slot_wal_keep_size = '1GB'; select pg_reload_conf()"))
	}
	from, gap, err := takeSlot(ctx, conn, &o, &server)
	if err != nil {
		return nil, err
	}
	if err := start(ctx, conn, &o, from); err != nil {
		return nil, err
	}
	raw, err := conn.Hijack() // pgconn is for one goroutine; we read and write from two
	if err != nil {
		return nil, o.fault(err, codes.StartReplicationFailed, "taking over the connection")
	}
	s := &Stream{
		o: o, conn: raw.Conn, frontend: raw.Frontend, decoder: newDecoder(o.From.past(from)), start: from, gap: gap, lost: server.walStatus == "lost",
		closing: make(chan struct{}), pulsed: make(chan struct{}), freed: make(chan struct{}, 1),
	}
	s.at.confirmed.Store(uint64(from))
	s.at.dealt.Store(uint64(from))
	s.at.late.hold(o.Late, o.LateBytes)
	s.pulse = newPulse(s.conn, &s.at, server.senderTimeout, cmp.Or(o.silence, patienceWith(server.senderTimeout)))
	go s.beat() // until Close, or the connection fails
	return s, nil
}

// session are the settings on which the text form of values depends; they win over the role's and the database's.
var session = map[string]string{
	"replication":                 "database",
	"client_encoding":             "UTF8",
	"datestyle":                   "ISO",
	"intervalstyle":               "postgres",
	"timezone":                    "UTC",
	"extra_float_digits":          "1",
	"bytea_output":                "hex",
	"standard_conforming_strings": "on",
	"statement_timeout":           "0",
	"lock_timeout":                "0",
}

func dial(ctx context.Context, s postgres.Settings) (*pgconn.PgConn, error) {
	c, err := s.Config()
	if err != nil {
		return nil, err
	}
	params := make(map[string]string, len(session))
	for name, value := range c.RuntimeParams {
		params[strings.ToLower(name)] = value
	}
	maps.Copy(params, session)
	c.RuntimeParams = params
	return pgconn.ConnectConfig(ctx, &c.Config)
}

// beat runs the pulse. If it fails it takes the connection along, so that the reader hears of it.
func (s *Stream) beat() {
	s.broken = s.pulse.run(s.closing)
	close(s.pulsed)
	if s.broken != nil {
		_ = s.conn.Close()
	}
}

// Confirm says that everything up to l, the End of a transaction, is dealt with and need not be sent again. Positions
// that do not advance are ignored. The server hears of it within a second, or after Options.Late.
func (s *Stream) Confirm(l LSN) {
	raise(&s.at.dealt, l)
	if s.o.Late == 0 {
		raise(&s.at.confirmed, l)
		return
	}
	s.at.late.add(l, time.Now())
}

// Settle confirms at once what was kept back: at an orderly end, when all of it has arrived where it should.
func (s *Stream) Settle() { raise(&s.at.confirmed, s.at.late.all()) }

// Received returns how far the stream has been read.
func (s *Stream) Received() LSN { return LSN(s.at.received.Load()) }

// Dealt returns up to where everything is dealt with: what was confirmed, whether kept back or not, and while nothing is
// in flight all that was read.
func (s *Stream) Dealt() LSN { return s.at.reached(&s.at.dealt) }

// Messages returns how many messages of pg_logical_emit_message were passed over.
func (s *Stream) Messages() int64 { return s.decoder.logical.Load() }

// Start returns the position from which transactions are delivered.
func (s *Stream) Start() LSN { return s.start }

// Gap reports whether transactions between Options.From and Start are missing: the slot was made now, or somebody else
// has confirmed beyond From.
func (s *Stream) Gap() bool { return s.gap }

// Lost reports whether the slot was there and had to be made anew, because its log is gone.
func (s *Stream) Lost() bool { return s.lost }

// Since returns p, a place that this stream has brought its reader to, or what the server was told when that is further:
// while nothing was on its way it is told to forget what did not concern us.
func (s *Stream) Since(p Place) Place { return p.past(LSN(s.at.told.Load())) }

// Close ends the stream, Run included, and waits until the server has let go of the slot: until ctx ends, at most 5 s.
// A stream that is lost already is closed without an error.
func (s *Stream) Close(ctx context.Context) error {
	s.once.Do(func() { s.closed = s.close(ctx) })
	return s.closed
}

func (s *Stream) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, closeLimit)
	defer cancel()
	close(s.closing)
	_ = s.conn.SetReadDeadline(past) // wakes Run; fails only if the connection is closed
	s.running.Lock()
	<-s.pulsed // at most one write, which has its deadline
	defer func() { _ = s.conn.Close() }()
	if s.broken != nil {
		return nil
	}
	_ = s.conn.SetReadDeadline(time.Time{})
	stop := context.AfterFunc(ctx, func() { _ = s.conn.SetDeadline(past) })
	defer stop()
	if s.pulse.send(false) != nil { // what was confirmed since the last update
		return nil
	}
	goodbye, err := (&pgproto3.Terminate{}).Encode(nil)
	if err != nil {
		return fmt.Errorf("close stream: %w", err)
	}
	if _, err := s.conn.Write(goodbye); err != nil {
		return nil
	}
	// The server closes the connection after it has released the slot.
	if _, err := io.Copy(io.Discard, s.conn); ctx.Err() != nil && err != nil {
		return fmt.Errorf("close stream: the server still holds slot %q: %w", s.o.Slot, errors.Join(ctx.Err(), err))
	}
	return nil
}
