package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"realtime/actors"
	"realtime/postgres"
	"realtime/tenancy"
	"realtime/web"
)

// How long the way down may take, step by step. The sum stays under the ten
// seconds that container engines give before they kill.
const (
	webLimit      = 1500 * time.Millisecond
	actorsLimit   = 3 * time.Second
	storeLimit    = time.Second
	databaseLimit = 2 * time.Second
	grace         = 400 * time.Millisecond // for a step to notice that its limit is over
)

type serveCommand struct {
	Settings settingFlags `embed:""`
}

func (k *serveCommand) Run(ctx context.Context, p *process) error {
	p.flags = k.Settings.given()
	c, err := p.config()
	if err != nil {
		return err
	}
	s := &server{c: c, p: p, log: newLog(c, p.stderr, p.terminal), registry: prometheus.NewRegistry(), tenantRegistry: prometheus.NewRegistry()}
	return s.run(ctx)
}

// server is one life of `realtime serve`. Its steps run on one goroutine, in
// order; each leaves behind how to undo it.
type server struct {
	c              *Config
	p              *process
	log            *slog.Logger
	registry       *prometheus.Registry
	tenantRegistry *prometheus.Registry
	tracer         trace.Tracer // nil: nothing is traced

	dir         dataDir // embedded only
	listener    net.Listener
	database    postgres.Settings
	databaseURL string // embedded only: as `db url` prints it
	store       *tenancy.Store
	tenants     *tenancy.Cache
	tenant      string // external id, for people
	system      *actors.System
	door        *web.Server
	url         string

	failed chan error // what ends a server that was running; holds one
	undo   []undo
}

// undo is one step of the way down.
type undo struct {
	name  string
	limit time.Duration
	do    func(context.Context) error
}

func (s *server) onStop(name string, limit time.Duration, do func(context.Context) error) {
	s.undo = append(s.undo, undo{name, limit, do})
}

var errStopped = errors.New("asked to stop")

// run starts everything, waits for the end and takes everything down again.
func (s *server) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	over := make(chan struct{})
	defer close(over)
	go s.watchSignals(cancel, over) // ends when run returns
	s.failed = make(chan error, 1)

	err := s.start(ctx)
	if err == nil {
		s.welcome()
		select {
		case err = <-s.failed:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
	if errors.Is(context.Cause(ctx), errStopped) {
		err = nil
		s.log.Info("stopping")
	}
	cancel(nil)
	s.stop(context.WithoutCancel(ctx))
	return err
}

func (s *server) start(ctx context.Context) error {
	began := time.Now()
	for _, w := range s.c.Warnings() {
		s.log.Warn("configuration", "warning", w)
	}
	for _, step := range []func(context.Context) error{
		s.raiseLimits, s.startTraces, s.listen, s.openDatabase, s.openTenants, s.remember, s.startActors, s.prepareTenant, s.startWeb, s.startPush, s.awaitReady, s.checkDatabase,
	} {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := step(ctx); err != nil {
			return err
		}
	}
	s.log.Debug("started", "took", time.Since(began))
	return nil
}

// stop goes down the stairs. A step over its limit is left behind and the next
// one begins, because a process that hangs is worse than one that is blunt.
func (s *server) stop(ctx context.Context) {
	for _, u := range slices.Backward(s.undo) {
		ctx, cancel := context.WithTimeout(ctx, u.limit)
		ended := make(chan error, 1)
		go func() { ended <- u.do(ctx) }() // ends with the step, at the latest with the process
		select {
		case err := <-ended:
			if err != nil {
				s.log.Warn("stopping", "step", u.name, "err", err)
			}
		case <-time.After(u.limit + grace):
			s.log.Warn("stopping takes too long", "step", u.name)
		}
		cancel()
	}
}

// watchSignals turns the first signal into an orderly stop and the second into
// an end at once: the embedded database dies with its parent.
func (s *server) watchSignals(cancel context.CancelCauseFunc, over <-chan struct{}) {
	for n := 0; ; n++ {
		select {
		case <-over:
			return
		case sig := <-s.p.signals:
			if n > 0 {
				s.p.exit(signalCode(sig))
				return
			}
			cancel(errStopped)
		}
	}
}

func (s *server) raiseLimits(context.Context) error {
	files, err := raiseOpenFiles(s.c.OpenFiles)
	switch {
	case err != nil && s.c.OpenFiles > 0:
		return &failure{
			step: fmt.Sprintf("allow %d open files", s.c.OpenFiles), err: err,
			mend: "raise the hard limit (ulimit -Hn, LimitNOFILE), or unset RLIMIT_NOFILE",
		}
	case err != nil:
		s.log.Warn("open files limit", "err", err)
	case files > 0 && files < s.c.MaxConnections:
		s.log.Warn("MAX_CONNECTIONS is over the limit of open files", "max_connections", s.c.MaxConnections, "open_files", files)
	}
	return nil
}

// fail ends a running server. The first reason counts.
func (s *server) fail(err error) {
	select {
	case s.failed <- err:
	default:
	}
}

// remember writes what runs here, for the commands that look for it: before the
// door opens, so that whoever has seen it open finds the rest.
func (s *server) remember(context.Context) error {
	if !s.c.Embedded() {
		return nil
	}
	st := &state{PID: os.Getpid(), URL: s.url, Database: s.databaseURL, Started: time.Now().UTC().Truncate(time.Second), Version: versionText()}
	if err := writeState(s.dir, st); err != nil {
		return &failure{step: "write the server's state", err: err}
	}
	s.onStop("state", storeLimit, func(context.Context) error { removeState(s.dir); return nil })
	return nil
}
