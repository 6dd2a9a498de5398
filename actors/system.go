package actors

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"realtime/protocol"
	"realtime/protocol/codes"
	"realtime/ratelimit"
	"realtime/tenancy"
)

// Options configures a System. The zero value of a field is the default its comment names.
type Options struct {
	Log                 *slog.Logger          // nil: nothing is logged
	Metrics             prometheus.Registerer // nil: metrics are kept but not exported
	TenantMetrics       prometheus.Registerer // the same for those that are kept by tenant
	MetricsCleaner      time.Duration         // between two looks for tenants whose series can go; 0: each scrape looks
	Tracer              trace.Tracer          // nil: nothing is traced
	Bus                 Bus                   // nil: Solo
	JoinPause           time.Duration         // before a refused join is answered; 0: at once (CHANNEL_ERROR_BACKOFF_MS)
	NoChannelTimeout    time.Duration         // a socket without a channel is closed after it; 0: 10 min
	IdleTimeout         time.Duration         // a silent socket is closed after it; 0: 60 s
	FeedIdle            time.Duration         // how long a feed outlives its last use, unless its slot is durable; 0: 10 min
	LiveTimeout         time.Duration         // how long a join waits for its changes to be live; 0: 8 s
	OpenWait            time.Duration         // how long a private join waits for a pool that is being opened; 0: 9 s, as clients give it up after ten
	AccessTokenThrottle time.Duration         // shortest gap between two verified refreshes of a channel; 0: none
	FlushInterval       time.Duration         // shortest time between two flushes of a Channel, unless its tenant has its own; 0: none
	EarlySubscribed     bool                  // answer joins before their changes are live, as the original does
	DurableSlot         bool                  // keep the replication slot over restarts
	Conn                ConnOptions           // bounds of slow peers; OnCut is the System's own
	Upkeep              Upkeep                // of the tenants' message tables

	// Lookup reads a tenant's row again, out of a cache as a rule: every 5 s for each tenant that somebody is connected to.
	// TenantNotFound means that it was deleted. nil: rows change only when Changed or a new connection says so.
	Lookup func(ctx context.Context, externalID string) (*tenancy.Tenant, error)
}

// System is the tree of actors of one node and what its edges share: the meters, the metrics and the list of open
// connections. Its exported methods may be called from any goroutine outside the tree.
type System struct {
	o       Options
	log     *slog.Logger
	sys     *actor.ActorSystem
	bus     Bus
	tenants *actor.PID
	rates   *ratelimit.Registry
	metrics *metrics
	figures *tenantFigures
	number  atomic.Uint64
	conn    ConnOptions  // of all connections
	sockets *actor.Props // of every Socket, which is sent as the first message

	draining atomic.Bool     // no more joins
	feeds    atomic.Int64    // that stream
	stopped  atomic.Bool     // the tree is gone
	storing  atomic.Int64    // messages that were sent and wait to be stored
	life     context.Context //nolint:containedctx // ends with the tree; errands derive from it
	end      context.CancelFunc
	swept    chan struct{} // closed when the sweep has ended
	kept     chan struct{} // closed when the upkeep has ended

	rereading atomic.Bool // rows are being looked up

	mu        sync.Mutex
	readers   map[*Reader]struct{}
	databases map[*tenantDatabase]struct{}
	resting   map[string]*tenancy.Tenant // that were in use once, and have no actors now
}

// New starts the tree. Drain ends it.
func New(o Options) (*System, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Bus == nil {
		o.Bus = Solo{}
	}
	setDefault(&o.NoChannelTimeout, 10*time.Minute)
	setDefault(&o.IdleTimeout, time.Minute)
	setDefault(&o.FeedIdle, 10*time.Minute)
	setDefault(&o.LiveTimeout, 8*time.Second)
	setDefault(&o.OpenWait, 9*time.Second)
	o.Upkeep.defaults()
	s := &System{o: o, log: o.Log, bus: o.Bus, rates: ratelimit.NewRegistry(), metrics: newMetrics(), readers: map[*Reader]struct{}{}, databases: map[*tenantDatabase]struct{}{}, resting: map[string]*tenancy.Tenant{}, swept: make(chan struct{}), kept: make(chan struct{})}
	s.figures = &tenantFigures{s: s, now: time.Now, every: o.MetricsCleaner, tenants: map[string]*visible{}}
	s.rates.OnCrossing(s.crossing)
	s.conn = o.Conn
	s.conn.fill()
	s.conn.OnCut, s.conn.OnPause = s.cut, s.paused
	guard := actor.WithGuardian(stopAlways()) // the library keeps one for each strategy for ever
	// Few messages come to a Socket, and this mailbox begins small.
	s.sockets = s.props("socket", nil, guard, actor.WithMailbox(actor.UnboundedLockfree()))
	if err := s.metrics.register(s, o.Metrics, o.TenantMetrics); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	s.life, s.end = context.WithCancel(context.Background()) //nolint:forbidigo // the tree has no caller to inherit from
	s.sys = actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return quiet(o.Log) }),
		actor.WithDeadLetterRequestLogging(false), actor.WithDeadLetterThrottleInterval(deadLetterGap))
	pid, err := s.sys.Root.SpawnNamed(s.props("tenants", newDirectory(s), guard), "tenants")
	if err != nil {
		return nil, fmt.Errorf("spawn tenants: %w", err)
	}
	s.tenants = pid
	s.bus.Receive(func(tenant, room string, batch []byte) {
		s.sys.Root.Send(s.tenants, &arrived{tenant: tenant, room: room, batch: batch})
	})
	go s.sweep()          // ends with s.life
	go s.keepPartitions() // ends with s.life
	return s, nil
}

// deadLetterGap is how long the library's throttle of dead letters keeps a goroutine.
const deadLetterGap = 10 * time.Millisecond

// attachTimeout bounds how long the edge waits for an actor that only looks something up.
const attachTimeout = 5 * time.Second

// attach finds the Tenant actor of t, started if need be, and tells it about a newer row. Edge only.
func (s *System) attach(t *tenancy.Tenant) (*address, error) {
	if s.draining.Load() {
		return nil, codes.Wrap(codes.RealtimeRestarting, errDraining, "")
	}
	answer, err := s.sys.Root.RequestFuture(s.tenants, &attach{row: t}, attachTimeout).Result()
	if err != nil {
		return nil, fmt.Errorf("find the tenant's actor: %w", err)
	}
	a, ok := answer.(*address)
	if !ok {
		return nil, codes.Wrap(codes.RealtimeRestarting, errDraining, "")
	}
	return a, nil
}

// Admit says whether t takes another connection now: ConnectionRateLimitReached, JoinsRateLimitReached, or
// RealtimeRestarting while the node drains.
func (s *System) Admit(_ context.Context, t *tenancy.Tenant) error {
	a, err := s.attach(t)
	if err != nil {
		return err
	}
	if n, limit := int(a.counts.users.Load()), t.Limits.ConcurrentUsers; n >= limit {
		return hit(codes.ConnectionRateLimitReached, beyond("max_concurrent_users", n+1, limit))
	}
	if limit := t.Limits.JoinsPerSecond; a.counts.joins.Exceeded(limit) {
		return hit(codes.JoinsRateLimitReached, over("max_joins_per_second", a.counts.joins, limit))
	}
	return nil
}

// Conn wraps an accepted connection with the bounds of this System.
func (s *System) Conn(nc net.Conn) *Conn { return newConn(nc, &s.conn) }

// Connect gives an upgraded connection its Socket. The connection is closed with 1012 if the node is draining.
func (s *System) Connect(c *Conn, h Hello) *Reader {
	r := &Reader{s: s, conn: c, hello: &h, limit: h.Tenant.Limits.PayloadBytes()}
	r.open.Store(&routes{})
	a, err := s.attach(h.Tenant)
	if err != nil {
		c.CloseWith(closeRestart, "the server is restarting")
		r.gone.Store(true)
		return r
	}
	r.tenant = a.post
	n := s.number.Add(1)
	pid, err := s.sys.Root.SpawnNamed(s.sockets, "socket/"+strconv.FormatUint(n, 10))
	if err != nil {
		s.log.Error("start socket", "err", err)
		c.CloseWith(closeInternal, "")
		r.gone.Store(true)
		return r
	}
	r.socket = pid
	s.sys.Root.Send(pid, &socket{s: s, r: r, self: pid})
	s.mu.Lock()
	s.readers[r] = struct{}{}
	s.mu.Unlock()
	return r
}

// Publication is one message for the members of a topic, born on the server.
type Publication struct {
	Topic     string // without the prefix "realtime:"
	Private   bool   // for the private channel of that name
	Broadcast protocol.Broadcast
}

// Publish delivers messages in order, each counted as one event. It refuses with MessagePerSecondRateLimitReached
// while the tenant's event rate is over its limit.
func (s *System) Publish(_ context.Context, t *tenancy.Tenant, msgs []Publication) error {
	a, err := s.attach(t)
	if err != nil {
		return err
	}
	if limit := t.Limits.EventsPerSecond; a.counts.events.Average() > float64(limit) {
		return hit(codes.MessagePerSecondRateLimitReached, over("max_events_per_second", a.counts.events, limit))
	}
	a.counts.events.Add(len(msgs))
	a.post.wait(channelRoom, s.stopped.Load)
	a.post.send(&publication{msgs: msgs})
	return nil
}

// EventRate is the tenant's average of events per second over the last minute.
func (s *System) EventRate(t *tenancy.Tenant) float64 {
	return s.rates.Meter(t.ExternalID, ratelimit.Events, t.Limits.EventsPerSecond).Average()
}

// Requests is the meter of the tenant's HTTP requests, counted apart from its events.
func (s *System) Requests(t *tenancy.Tenant) *ratelimit.Meter {
	return s.rates.Meter(t.ExternalID, ratelimit.Requests, t.Limits.EventsPerSecond)
}

// Connections counts the open connections.
func (s *System) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.readers)
}

func (s *System) forget(r *Reader) {
	s.figures.ended(r)
	s.mu.Lock()
	delete(s.readers, r)
	s.mu.Unlock()
}

// cut logs and counts a peer that did not keep up.
func (s *System) cut(why CutReason, behind int) {
	s.metrics.cut.WithLabelValues(string(why)).Inc()
	s.log.Warn("slow peer cut", "why", string(why), "behind_bytes", behind)
}

// paused counts the time for which a peer that sends too fast is not read.
func (s *System) paused(d time.Duration) { s.metrics.paused.Add(d.Seconds()) }

func setDefault(d *time.Duration, v time.Duration) {
	if *d == 0 {
		*d = v
	}
}

// WebSocket close codes the server uses of its own accord.
const (
	closeNormal   = 1000
	closeAway     = 1001
	closeInternal = 1011
	closeRestart  = 1012
)
