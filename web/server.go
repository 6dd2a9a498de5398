package web

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/lxzan/gws"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"

	"realtime/actors"
	"realtime/postgres"
	"realtime/tenancy"
)

// Options configure a Server. System and Resolver are required.
type Options struct {
	Log      *slog.Logger         // nil discards
	System   *actors.System       // where sockets and broadcasts go
	Resolver *tenancy.Resolver    // which tenant a request is for
	Registry *prometheus.Registry // shown by /metrics, and gets this package's own figures; nil is an empty one

	TenantRegistry *prometheus.Registry // the part of the metrics that has a label tenant, also shown by /tenant-metrics; nil is an empty one

	ConnectPause   time.Duration // before a refused handshake is answered (CONNECT_ERROR_BACKOFF_MS); 0 is none
	HeadTimeout    time.Duration // for a request's head to arrive; 0 is 10 s
	BodyTimeout    time.Duration // for a request with its body to arrive; 0 is a minute, enough for 8,000,000 bytes over a slow line
	MaxHeaderBytes int           // of one header's value (MAX_HEADER_LENGTH); 0 is 4096
	MaxFrameBytes  int           // of one WebSocket message, however many frames it comes in; 0 is 5,000,000
	MaxArriving    int           // whose first head is awaited at a time, further ones wait unaccepted; 0 is 4096
	Patience       time.Duration // that one of them may rely on while there are so many; 0 is 2 s
	ConnectRate    int           // connections accepted a second after a burst of 4,000, further ones wait unaccepted; 0 is no bound
	MaxConnections int           // open at a time, further ones wait unaccepted (MAX_CONNECTIONS); 0 is no bound but the file limit

	Store        *tenancy.Store     // what the management API writes to; nil is none, and every request to it is refused
	APISecrets   []postgres.Secret  // sign the tokens of the management API (API_JWT_SECRET, API_JWT_SECRET_NEXT); "" is none
	APIBlocklist []string           // tokens that it refuses all the same (API_TOKEN_BLOCKLIST)
	Validators   tenancy.Validators // of API and metrics tokens (JWT_CLAIM_VALIDATORS)

	MetricsSecret    postgres.Secret // signs the tokens that /metrics asks for; "" leaves /metrics to loopback
	MetricsBlocklist []string        // tokens that /metrics refuses all the same (METRICS_TOKEN_BLOCKLIST)

	Tracer     trace.Tracer                  // of requests and handshakes; nil is none
	Propagator propagation.TextMapPropagator // reads whose part a request is; needed with Tracer

	Region       string // of this server, as tenants' health and /metrics/:region have it; "" is none
	Node         string // name of this server in tenants' health
	RequestIDKey string // member of the baggage header that names a request (REQUEST_ID_BAGGAGE_KEY); "" is request-id
	QuietHealth  bool   // no log line for health checks (DISABLE_HEALTHCHECK_LOGGING)
	Version      string // shown by the metric realtime_build_info
}

func (o *Options) fill() error {
	if o.System == nil || o.Resolver == nil {
		return errors.New("check web options: System and Resolver are required")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
	}
	if o.TenantRegistry == nil {
		o.TenantRegistry = prometheus.NewRegistry()
	}
	if o.HeadTimeout == 0 {
		o.HeadTimeout = 10 * time.Second
	}
	if o.BodyTimeout == 0 {
		o.BodyTimeout = time.Minute
	}
	if o.MaxHeaderBytes == 0 {
		o.MaxHeaderBytes = 4096
	}
	if o.MaxFrameBytes == 0 {
		o.MaxFrameBytes = 5_000_000
	}
	if o.MaxArriving == 0 {
		o.MaxArriving = maxArriving
	}
	if o.Patience == 0 {
		o.Patience = patience
	}
	if o.RequestIDKey == "" {
		o.RequestIDKey = "request-id"
	}
	return nil
}

// Server serves one or more listeners. Make it with NewServer; it is safe for concurrent use.
type Server struct {
	o        Options
	log      *slog.Logger
	gate     *gate
	figures  *figures
	upgrader *gws.Upgrader
	http     *http.Server // everything that is not the first request of a socket
	handover *handover    // the way there
	crowd    *rate.Limiter
	manage   guard // of the management API
	measure  guard // of the metrics
	waiting  waiting
	begun    time.Time
	life     context.Context //nolint:containedctx // ends when Shutdown begins; work in the background derives from it
	end      context.CancelFunc
	done     chan struct{} // closed when Shutdown begins: pauses end, nothing new starts

	mu         sync.Mutex
	listeners  map[net.Listener]struct{}
	arriving   map[net.Conn]time.Time // connections whose first head is awaited, and since when
	started    bool                   // net/http runs
	closed     bool                   // Shutdown has begun
	handshakes sync.WaitGroup         // one per connection whose first request is read or answered here; grows only while !closed
	sessions   sync.WaitGroup         // one per open socket; grows only while !closed
	helper     sync.WaitGroup         // net/http's accept loop
}

// NewServer checks the options and registers the figures. It opens nothing.
func NewServer(o Options) (*Server, error) {
	if err := o.fill(); err != nil {
		return nil, err
	}
	s := &Server{
		o: o, log: o.Log, begun: time.Now(),
		gate:      newGate(o.MaxConnections),
		upgrader:  newUpgrader(o.MaxFrameBytes, "Realtime/"+o.Version),
		handover:  newHandover(),
		crowd:     newCrowd(o.ConnectRate),
		done:      make(chan struct{}),
		listeners: map[net.Listener]struct{}{},
		arriving:  map[net.Conn]time.Time{},
	}
	s.life, s.end = context.WithCancel(context.Background()) //nolint:forbidigo // the server has no caller to inherit from
	s.manage = guard{setting: "API_JWT_SECRET", secrets: o.APISecrets, blocklist: "API_TOKEN_BLOCKLIST", blocked: o.APIBlocklist, validators: o.Validators}
	if o.Store == nil {
		s.manage.secrets = nil
	}
	s.measure = guard{
		setting: "METRICS_JWT_SECRET", secrets: []postgres.Secret{o.MetricsSecret},
		blocklist: "METRICS_TOKEN_BLOCKLIST", blocked: o.MetricsBlocklist, validators: o.Validators,
	}
	var err error
	if s.figures, err = newFigures(o.Registry, s.gate, o.Version); err != nil {
		return nil, err
	}
	s.http = &http.Server{
		Handler:           s.chain(s.routes()),
		ReadHeaderTimeout: o.HeadTimeout,
		ReadTimeout:       o.BodyTimeout,
		WriteTimeout:      2 * time.Minute,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    maxHead,

		DisableGeneralOptionsHandler: true, // OPTIONS * has no answer of its own
		ErrorLog:                     slog.NewLogLogger(o.Log.Handler(), slog.LevelWarn),
	}
	return s, nil
}

// Serve accepts connections from l until Shutdown, which makes it return nil. It closes l.
func (s *Server) Serve(l net.Listener) error {
	defer l.Close()
	if !s.attach(l) {
		return nil
	}
	defer s.detach(l)
	return s.accept(l)
}

// attach notes l and starts what all listeners share.
func (s *Server) attach(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.listeners[l] = struct{}{}
	if !s.started {
		s.started = true
		s.helper.Go(func() { // stopped by Shutdown
			if err := s.http.Serve(s.handover); !errors.Is(err, http.ErrServerClosed) {
				s.log.Error("http server ended", "err", err)
			}
		})
	}
	return true
}

func (s *Server) detach(l net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
}

// Shutdown stops accepting, answers 503 to upgrades that are under way, cuts the pauses short and waits for running requests until
// ctx ends. Open sockets go on: actors.System.Drain ends them, and Wait waits for that.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		s.end()
		close(s.done)
	}
	for l := range s.listeners {
		_ = l.Close() // Serve closes it too
	}
	for nc := range s.arriving {
		_ = nc.SetReadDeadline(time.Now()) // one that has not said anything yet never will
	}
	s.mu.Unlock()

	err := s.http.Shutdown(ctx)
	if err != nil {
		_ = s.http.Close() // the deadline has passed: cut what is left
	}
	return errors.Join(err, wait(ctx, &s.handshakes), wait(ctx, &s.helper))
}

// Wait returns when every socket's read loop has ended, or ctx. Call it after Shutdown.
func (s *Server) Wait(ctx context.Context) error { return wait(ctx, &s.sessions) }

func wait(ctx context.Context, g *sync.WaitGroup) error {
	ended := make(chan struct{})
	go func() { // stopped by the group, whose members all have deadlines
		g.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// join notes one more member of g, unless the server is going down. arriving is nil for a session.
func (s *Server) join(g *sync.WaitGroup, arriving net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	if arriving != nil {
		now := time.Now()
		_ = arriving.SetReadDeadline(now.Add(s.o.HeadTimeout)) // a connection that cannot have one is closed: the read fails
		s.arriving[arriving] = now
	}
	g.Add(1)
	return true
}

func (s *Server) stopping() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}
