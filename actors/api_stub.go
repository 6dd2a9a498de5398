package actors

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"realtime/protocol"
	"realtime/tenancy"
)

// Options configures a System.
type Options struct {
	Log                 *slog.Logger
	Cache               *tenancy.Cache        // where tenants come from
	Metrics             prometheus.Registerer // nil: none
	JoinPause           time.Duration         // before a refused join is answered (CHANNEL_ERROR_BACKOFF_MS)
	NoChannelTimeout    time.Duration         // NO_CHANNEL_TIMEOUT_IN_MS; 0 means 10 min
	IdleTimeout         time.Duration         // 0 means 60 s
	AccessTokenThrottle time.Duration         // ACCESS_TOKEN_THROTTLE_MS
	EarlySubscribed     bool                  // REALTIME_EARLY_SUBSCRIBED
	DurableSlot         bool                  // REALTIME_SLOT=durable
}

// System is the tree of actors of one node.
type System struct{}

// New starts the tree.
func New(o Options) (*System, error) { return &System{}, nil }

// Hello is what the handshake established about a connection.
type Hello struct {
	Tenant   *tenancy.Tenant
	Claims   *tenancy.Claims
	Token    string
	Version  protocol.Version
	LogLevel slog.Level
	Headers  map[string]string
}

// Reader takes the frames of one connection, on its read goroutine.
type Reader struct{}

// Admit says whether t takes another connection now.
func (s *System) Admit(ctx context.Context, t *tenancy.Tenant) error { return nil }

// Connect gives a connection its Socket.
func (s *System) Connect(c *Conn, h Hello) *Reader { return &Reader{} }

// Message handles one client message.
func (r *Reader) Message(data []byte, binary bool) {}

// Closed tells that the read loop ended.
func (r *Reader) Closed() {}

// Publication is one message for the topic's members, born on the server.
type Publication struct {
	Topic     string
	Private   bool
	Broadcast protocol.Broadcast
}

// Publish delivers server-born messages.
func (s *System) Publish(ctx context.Context, t *tenancy.Tenant, msgs []Publication) error {
	return nil
}

// Drain closes every connection with 1012 and stops the tree.
func (s *System) Drain(ctx context.Context) {}

// Connections counts the open connections.
func (s *System) Connections() int { return 0 }
