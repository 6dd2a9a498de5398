package main

import (
	"context"
	"time"

	"realtime/postgres"
)

// bootCheckLimit bounds the look at the tenant's database, which nothing waits for.
const bootCheckLimit = 15 * time.Second

// checkDatabase says in the log what the self-host tenant's database lacks, each
// with the SQL that mends it. It works beside the server: whoever waits for
// readiness does not wait for this.
func (s *server) checkDatabase(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), bootCheckLimit)
	over := make(chan struct{})
	go func() { // ends with the check, at its limit, or in stop
		defer close(over)
		s.lookAtDatabase(ctx)
	}()
	s.onStop("boot check", storeLimit, func(context.Context) error {
		cancel()
		<-over
		return nil
	})
	return nil
}

func (s *server) lookAtDatabase(ctx context.Context) {
	t, err := s.store.Get(ctx, s.tenant)
	if err != nil {
		return // no such tenant: its absence is told to whoever asks for it
	}
	log := s.log.With("tenant", s.tenant)
	db, err := t.Database()
	if err != nil {
		return // store.Check has named it
	}
	conn, err := postgres.Connect(ctx, db.Settings.WithApplication("realtime_boot_check"))
	if err != nil {
		if ctx.Err() == nil {
			log.Warn("the tenant's database does not answer; public channels, broadcast and presence work without it",
				"host", db.Settings.Host, "port", db.Settings.Port, "database", db.Settings.Database, "err", err)
		}
		return
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	found, err := postgres.ReadServer(ctx, conn, db.Publication)
	if err != nil {
		log.Warn("the tenant's database could not be looked at", "err", err)
		return
	}
	for _, l := range found.Lacks() {
		if s.c.Embedded() && found.HasPublication && found.Tables == 0 {
			continue // a new database of our own has no tables to publish yet
		}
		log.Warn("the tenant's database lacks something", "what", l.What, "mend", l.Mend)
	}
}
