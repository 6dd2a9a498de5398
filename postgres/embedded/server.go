package embedded

import (
	"context"
	"errors"
	"log/slog"
)

// Options for [Start].
type Options struct {
	DataDir  string
	Port     int
	BinDir   string
	Log      *slog.Logger
	Fast     bool
	Progress func(step string)
}

// Server is one running Postgres.
type Server struct{}

// Start starts it.
func Start(ctx context.Context, o Options) (*Server, error) { return nil, errors.New("unfinished") }

// URL is the superuser's address over loopback TCP, password included.
func (s *Server) URL() string { return "" }

// SocketURL is the superuser's address over the Unix socket.
func (s *Server) SocketURL() string { return "" }

// Done is closed when the server is gone for good.
func (s *Server) Done() <-chan struct{} { return nil }

// Err says why, after Done.
func (s *Server) Err() error { return nil }

// Stop stops the server.
func (s *Server) Stop(ctx context.Context) error { return nil }
