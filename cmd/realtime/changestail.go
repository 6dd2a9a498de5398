package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"

	"realtime/postgres/changes"
	"realtime/postgres/wal"
)

// tailCommand streams from the database itself, with a temporary slot of its own, and decides as the server would. The
// server's limits and tokens have no part in it: for those there is sub.
type tailCommand struct {
	subscriberFlags
	Why   bool `help:"Print what the user does not get, too, and why."`
	Count int  `placeholder:"N" help:"End after this many lines."`
}

// errEnough ends the stream when the count is reached.
var errEnough = errors.New("enough")

func (c *tailCommand) Run(ctx context.Context, p *process) error {
	q, err := c.question(p.stderr)
	if err != nil {
		return err
	}
	ctx, stop := p.untilSignal(ctx)
	defer stop()
	o, err := c.options(ctx, p)
	if err != nil {
		return err
	}
	slot := make([]byte, 8)
	_, _ = rand.Read(slot) // never fails
	stream, err := wal.Open(ctx, wal.Options{Settings: o.Settings, Slot: "realtime_tail_" + hex.EncodeToString(slot), Publication: o.Publication, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return &failure{step: "stream changes", err: err, mend: "it takes a role that may replicate, a free replication slot, and wal_level=logical"}
	}
	defer func() { _ = stream.Close(context.WithoutCancel(ctx)) }() // the slot goes with the connection
	rows := make(chan *wal.Tx, 64)
	ctx, cancel := context.WithCancel(ctx)
	streamed := make(chan error, 1)
	go func() { // ends with ctx, which it ends itself when the stream breaks
		defer cancel()
		streamed <- stream.Run(ctx, rows)
	}()
	err = changes.Watch(ctx, o, q, rows, c.watcher(p, q.Role, stream.Confirm))
	cancel()
	broken := <-streamed
	refused := (*changes.RefusedError)(nil)
	switch {
	case errors.As(err, &refused):
		return &failure{err: err, mend: refused.Mend()}
	case err != nil && !errors.Is(err, errEnough) && !errors.Is(err, context.Canceled):
		return &failure{step: "explain changes", err: err}
	case broken != nil && !errors.Is(broken, context.Canceled):
		return &failure{step: "stream changes", err: broken}
	}
	return nil
}

// watcher prints, until the count is reached.
func (c *tailCommand) watcher(p *process, role string, confirm func(wal.LSN)) changes.Watcher {
	n := 0
	return changes.Watcher{
		Confirm: confirm,
		Ready: func(warnings []string) error {
			fmt.Fprintf(p.stdout, "listening to %s as role %s\n", c.Table, role)
			for _, w := range warnings {
				fmt.Fprintf(p.stdout, "warning %s\n", w)
			}
			return nil
		},
		Report: func(a *changes.Explanation) error {
			for _, line := range c.lines(a) {
				fmt.Fprintln(p.stdout, line)
				n++
			}
			if c.Count > 0 && n >= c.Count {
				return errEnough
			}
			return nil
		},
	}
}

// lines tell one row.
func (c *tailCommand) lines(a *changes.Explanation) []string {
	var out []string
	if a.Data != nil {
		out = describeChange([]byte(`{"data":` + string(a.Data) + `}`))
	}
	if !c.Why || a.Outcome == changes.Delivered {
		return out
	}
	for _, s := range a.Steps {
		if s.Name == a.At {
			line := fmt.Sprintf("%s %s %s at %s: %s", a.Outcome, a.Event, a.Table, s.Name, s.Detail)
			if s.Mend != "" {
				line += "; mend: " + s.Mend
			}
			out = append(out, line)
		}
	}
	return out
}
