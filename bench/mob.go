package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// orders are what a mob's process is told on its standard input, whose end is the mob's.
type orders struct {
	Target  *Target
	Options Options
}

// deeds are what became of a mob.
type deeds struct {
	Opened  int64          // connections
	Sent    int64          // messages that the server took
	Ended   int64          // connections that the server ended
	LastEnd time.Duration  // from the first offence to the last such end; 0 if there was none
	Answers map[string]int // what they were told, and how often
}

// mob is all offenders of one run, each on a goroutine of its own, and what they were answered.
type mob struct {
	t       *Target
	o       *Options
	opened  atomic.Int64
	sent    atomic.Int64
	ended   atomic.Int64
	lastEnd atomic.Int64 // nanoseconds since began

	meet    func() // the server has answered one of them
	began   time.Time
	acting  sync.WaitGroup
	mu      sync.Mutex
	answers map[string]int
}

// Mob acts as the offenders that r orders until r ends, and writes to w what became of them. The scenario offenders starts it as a
// process of its own: what they do to a program that measures, its garbage and its threads, is not to be measured. It writes a line as
// soon as the server has answered one of them.
func Mob(ctx context.Context, r io.Reader, w io.Writer) error {
	var to orders
	if err := json.NewDecoder(r).Decode(&to); err != nil {
		return fmt.Errorf("read what the offenders shall do: %w", err)
	}
	of, ok := offences()[to.Options.Kind]
	if !ok || to.Target == nil {
		return fmt.Errorf("read what the offenders shall do: kind %q against a server: %t", to.Options.Kind, to.Target != nil)
	}
	met := make(chan struct{})
	m := &mob{t: to.Target, o: &to.Options, began: time.Now(), meet: sync.OnceFunc(func() { close(met) }), answers: map[string]int{}}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // ends with r
		_, _ = io.Copy(io.Discard, r) // however it ends
		cancel()
	}()
	for i := range to.Options.Offenders {
		m.acting.Go(func() { of.act(m, ctx, i) }) // ends with ctx
	}
	said := json.NewEncoder(w)
	select {
	case <-met:
		if err := said.Encode(m.deeds()); err != nil {
			return fmt.Errorf("tell that the offenders are there: %w", err)
		}
	case <-ctx.Done():
	}
	<-ctx.Done()
	m.acting.Wait()
	if err := said.Encode(m.deeds()); err != nil {
		return fmt.Errorf("tell what became of the offenders: %w", err)
	}
	return nil
}

func (m *mob) deeds() *deeds {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &deeds{m.opened.Load(), m.sent.Load(), m.ended.Load(), time.Duration(m.lastEnd.Load()), maps.Clone(m.answers)}
}

// connected notes a connection.
func (m *mob) connected() {
	m.opened.Add(1)
	m.meet()
}

// answered notes what one offender was told.
func (m *mob) answered(what string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answers[what]++
	m.meet()
}

// over notes that the server ended an offender's connection.
func (m *mob) over(how string) {
	m.ended.Add(1)
	m.lastEnd.Store(int64(time.Since(m.began)))
	m.answered(how)
}
