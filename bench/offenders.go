package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"
)

// offenders measures a fan-out, lets offenders loose beside it, and measures it again.
func offenders(s *session) error {
	o := &s.o
	cr, err := s.speak()
	if err != nil {
		return err
	}
	s.measure()
	before, calm := s.latencies(o.Rate > 0, sent), s.t.look().resides
	g, err := loose(s.ctx, o, s.t)
	if err != nil {
		return err
	}
	v := s.newcomer()
	select {
	case <-time.After(offences()[o.Kind].wait):
	case <-s.ctx.Done():
	}
	sp := s.during("measuring beside "+o.Kind, o.Duration)
	v.leave()
	done, err := g.end()
	if err != nil {
		return err
	}
	s.halt(cr)
	s.drain(cr.sent)
	s.conclude(sp, o.Rate > 0)
	s.beside(before, "before there were any offenders")
	if most, ok := s.res.Value("server_memory_peak"); ok && calm > 0 {
		s.res.cost("memory_grown", max(0, most*1e6-float64(calm)), "B", "of the server at its peak, by all of them")
	}
	s.res.deeds(done, sp.seconds)
	s.res.cost("connect_slowest", v.slowest.Seconds()*1000, "ms", "longest that somebody who behaves took to connect meanwhile")
	if v.refused != nil {
		s.res.note("somebody who behaves could not connect: " + v.refused.Error())
	}
	return nil
}

// deeds adds what became of a mob.
func (r *Result) deeds(d *deeds, seconds float64) {
	r.figure("offender_connections", float64(d.Opened), "", "opened by offenders")
	r.figure("offender_messages_per_second", float64(d.Sent)/seconds, "/s", "that the server took from them")
	r.figure("offenders_ended", float64(d.Ended), "", "of their connections ended by the server")
	r.cost("last_ended_after", d.LastEnd.Seconds(), "s", "from the first offence to the last such end; 0 if there was none")
	var told []string
	for _, what := range slices.Sorted(maps.Keys(d.Answers)) {
		told = append(told, fmt.Sprintf("%s (%d)", what, d.Answers[what]))
	}
	if len(told) > 0 {
		r.note("answers: " + strings.Join(told, "; "))
	}
}

// mobProcess is a mob's process.
type mobProcess struct {
	cmd  *exec.Cmd
	in   io.Closer
	said *json.Decoder
	errs bytes.Buffer
}

// muster bounds how long offenders may take until the server has answered one of them.
const muster = time.Minute

// loose starts a process of offenders and returns when they are at it. From then on they run when nobody else wants the core: they would
// be on other machines.
func loose(ctx context.Context, o *Options, t *Target) (*mobProcess, error) {
	if o.Program == "" {
		return nil, errors.New("start the offenders: Options.Program does not say which program is to act as them")
	}
	g := &mobProcess{cmd: exec.Command(o.Program, "bench", "mob")} //nolint:noctx // it ends with its input
	g.cmd.Stderr = &g.errs
	in, err := g.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the offenders: %w", err)
	}
	out, err := g.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the offenders: %w", err)
	}
	g.said = json.NewDecoder(out)
	if err := g.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the offenders: %w", err)
	}
	g.in = in
	if err := json.NewEncoder(in).Encode(orders{t, *o}); err != nil {
		_, failed := g.end()
		return nil, errors.Join(fmt.Errorf("tell the offenders what to do: %w", err), failed)
	}
	ctx, cancel := context.WithTimeout(ctx, muster)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = g.cmd.Process.Kill() })()
	if err := g.said.Decode(new(deeds)); err != nil {
		_, failed := g.end()
		return nil, errors.Join(fmt.Errorf("wait at most %s for the server to answer an offender (does it still run, and has the machine time for them?): %w", muster, err), failed)
	}
	humble(g.cmd.Process.Pid, true)
	return g, nil
}

// end ends the offenders.
func (g *mobProcess) end() (*deeds, error) {
	humble(g.cmd.Process.Pid, false) // what is measured is over: it may end in time
	_ = g.in.Close()                 // closed or broken, it ends
	d := new(deeds)
	unheard := g.said.Decode(d) // before Wait, which closes what is read from
	if err := g.cmd.Wait(); err != nil {
		return nil, fmt.Errorf("end the offenders: %w: %s", err, bytes.TrimSpace(g.errs.Bytes()))
	}
	if unheard != nil {
		return nil, fmt.Errorf("hear what became of the offenders: %w", unheard)
	}
	return d, nil
}

// newcomer connects again and again, as somebody new would, and knows how long it took at most.
type newcomer struct {
	cancel  context.CancelFunc
	gone    sync.WaitGroup
	slowest time.Duration
	refused error // the last time
}

func (s *session) newcomer() *newcomer {
	ctx, cancel := context.WithCancel(s.ctx)
	v := &newcomer{cancel: cancel}
	v.gone.Go(func() { // ends with leave
		for ctx.Err() == nil {
			v.visit(ctx, s.t, &s.o)
		}
	})
	return v
}

func (v *newcomer) visit(ctx context.Context, t *Target, o *Options) {
	began := time.Now()
	nc, _, err := t.open(ctx, opening{version: o.version(0)})
	took := time.Since(began)
	if err == nil {
		nc.Close()
	} else if ctx.Err() == nil {
		v.refused = err
	}
	v.slowest = max(v.slowest, took)
	select {
	case <-ctx.Done():
	case <-time.After(tick):
	}
}

// leave ends the visits. What was seen may be read after it.
func (v *newcomer) leave() {
	v.cancel()
	v.gone.Wait()
}
