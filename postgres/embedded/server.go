package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/jackc/pgx/v5"
)

// Options for [Start]. Only DataDir is required.
type Options struct {
	DataDir  string            // made if missing; mode 0700; must be empty or ours
	Port     int               // loopback TCP port; 0: the one of the last start if still free, else a free one
	BinDir   string            // directory of initdb and postgres; "": PATH, then the usual places, newest first
	Log      *slog.Logger      // nil: discard
	Fast     bool              // no fsync, and no orderly stop: for tests, whose data nobody wants back
	Progress func(step string) // told before each slow step, in words for a person; nil: nobody
}

// Server is one running Postgres and the goroutine that starts it again when it dies. Safe for concurrent use.
type Server struct {
	options   Options
	log       *slog.Logger
	home      *home
	binaries  binaries
	words     *logFile
	socketDir string
	port      int
	password  string

	quit  chan struct{} // closed by Stop: end in order
	hurry chan struct{} // closed by Stop: end now
	once  sync.Once
	rush  sync.Once
	done  chan struct{} // closed when Postgres is gone and the data directory is free
	err   error         // read after done
}

// Start brings up the Postgres of a data directory, making it on the first use, and returns when it takes connections.
// ctx bounds the start alone; the server runs until [Server.Stop], or until this process ends, however it ends. A
// Postgres that an earlier process left running in the directory is stopped first.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	h, err := openHome(ctx, o.DataDir)
	if err != nil {
		return nil, err
	}
	s := &Server{
		options: o, log: o.Log, home: h,
		quit: make(chan struct{}), hurry: make(chan struct{}), done: make(chan struct{}),
	}
	p, err := s.prepare(ctx)
	if err != nil {
		s.release()
		return nil, err
	}
	go s.watch(context.WithoutCancel(ctx), p) // ends after Stop, or when Postgres cannot be brought back
	return s, nil
}

// prepare does everything up to the first accepted connection. On error no process is left.
func (s *Server) prepare(ctx context.Context) (*process, error) {
	h, o := s.home, s.options
	var err error
	if s.words, err = openLog(h); err != nil {
		return nil, fmt.Errorf("open Postgres' log: %w", err)
	}
	if s.binaries, err = find(ctx, o.BinDir, h.major()); err != nil {
		return nil, err
	}
	if err := h.owner.checkReach(s.binaries.dir); err != nil {
		return nil, err
	}
	if err := h.evict(ctx, o.Progress); err != nil {
		return nil, err
	}
	if h.major() == 0 {
		o.Progress("making a new Postgres " + s.binaries.version + " database in " + h.dir)
		if err := h.initdb(ctx, s.binaries, o.Fast); err != nil {
			return nil, err
		}
	}
	if err := h.ownCluster(); err != nil {
		return nil, err
	}
	password, fresh, err := h.password()
	if err != nil {
		return nil, err
	}
	s.password = password
	if err := s.chooseSocketDir(); err != nil {
		return nil, err
	}
	o.Progress("starting Postgres " + s.binaries.version)
	p, err := s.firstStart(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.settle(ctx, fresh); err != nil {
		s.end(p, grace)
		return nil, err
	}
	return p, nil
}

// settle brings the contents of a running server up to date.
func (s *Server) settle(ctx context.Context, newPassword bool) error {
	conn, err := pgx.Connect(ctx, s.SocketURL())
	if err != nil {
		return fmt.Errorf("connect to the embedded Postgres: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if newPassword { // its file was lost
		if _, err := conn.Exec(ctx, "alter role "+superuser+" password '"+s.password+"'"); err != nil {
			return fmt.Errorf("set the superuser's password: %w", err)
		}
	}
	return Seed(ctx, conn)
}

// Version returns the version of Postgres, for example "17.5".
func (s *Server) Version() string { return s.binaries.version }

// DataDir returns the data directory, absolute and with links resolved.
func (s *Server) DataDir() string { return s.home.dir }

// Done is closed when the server has stopped for good: after [Server.Stop], or when it cannot be brought back.
func (s *Server) Done() <-chan struct{} { return s.done }

// Err returns why the server stopped: nil while it runs and after an orderly stop.
func (s *Server) Err() error {
	select {
	case <-s.done:
		return s.err
	default:
		return nil
	}
}

// Stop ends the server: no new connections, open ones are cut, everything is written (a "fast" shutdown). When ctx ends
// first, Postgres is stopped the hard way, which is safe too but makes the next start recover. It returns when Postgres
// is gone, and may be called again.
func (s *Server) Stop(ctx context.Context) error {
	s.once.Do(func() { close(s.quit) })
	if s.options.Fast {
		s.rush.Do(func() { close(s.hurry) })
	}
	select {
	case <-s.done:
	case <-ctx.Done():
		s.rush.Do(func() { close(s.hurry) })
		<-s.done
		return errors.Join(s.err, fmt.Errorf("stop Postgres in order: %w", context.Cause(ctx)))
	}
	return s.err
}

// release gives back what the server held outside of Postgres.
func (s *Server) release() {
	s.removeSocketDir()
	if s.words != nil {
		s.words.close()
	}
	s.home.close()
}

// ownCluster hands the cluster to the user that Postgres runs as if it belongs to another one, as after a copy by root.
func (h *home) ownCluster() error {
	st, err := h.root.Lstat(clusterName)
	if err != nil {
		return fmt.Errorf("open cluster: %w", err)
	}
	if uid, _ := ownerOf(st); uid == h.owner.uid {
		return nil
	} else if !h.owner.drop {
		return fmt.Errorf("open cluster %s: it belongs to user %s; run as that user, or as root", h.cluster(), userName(uid))
	}
	return filepath.WalkDir(h.cluster(), func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("give the cluster to user %s: %w", h.owner.name, err)
		}
		rel, err := filepath.Rel(h.dir, path)
		if err != nil {
			return err
		}
		return h.give(rel)
	})
}
