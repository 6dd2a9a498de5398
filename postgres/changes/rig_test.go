package changes

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"realtime/protocol"
)

// until waits for a condition on what arrived.
func (r *rig) until(what string, ok func() bool) {
	r.t.Helper()
	deadline := time.Now().Add(patience)
	stop := time.AfterFunc(patience, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.changed.Broadcast()
	})
	defer stop.Stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	for !ok() {
		if r.ended != nil {
			r.t.Fatalf("wait for %s: the engine ended: %v", what, r.ended)
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("wait for %s: it did not come; the engine has %+v", what, r.engine.Stats())
		}
		r.changed.Wait()
	}
}

// entries parses postgres_changes elements; their ids are their positions from 1.
func entries(t testing.TB, elements ...string) []protocol.ChangeEntry {
	t.Helper()
	out := make([]protocol.ChangeEntry, len(elements))
	for i, raw := range elements {
		j, err := protocol.ParseJoin([]byte(`{"config":{"postgres_changes":[` + raw + `]}}`))
		if err != nil || len(j.Changes) != 1 {
			t.Fatalf("parse entry %s: %v %v", raw, j, err)
		}
		out[i] = j.Changes[0]
		out[i].ID = int64(i + 1)
	}
	return out
}

// ask subscribes and returns the answer. All members are in one group.
func (r *rig) ask(member any, role, claims string, elements ...string) Answer {
	r.t.Helper()
	r.mu.Lock()
	before := len(r.answers[member])
	r.mu.Unlock()
	r.engine.Subscribe(&Subscription{Member: member, Group: "all", Role: role, Claims: claims, Entries: entries(r.t, elements...)})
	r.until(fmt.Sprint("the answer to ", member), func() bool { return len(r.answers[member]) > before })
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.answers[member][before]
}

// subscribe is ask that must succeed.
func (r *rig) subscribe(member any, role, claims string, elements ...string) Answer {
	r.t.Helper()
	a := r.ask(member, role, claims, elements...)
	if a.Err != nil {
		r.t.Fatalf("subscribe %v: %v", member, a.Err)
	}
	return a
}

// exec runs statements as the superuser, each by itself. Only one goroutine may call it.
func (r *rig) exec(sql ...string) {
	r.t.Helper()
	for _, q := range sql {
		if _, err := r.conn.Exec(context.Background(), q, pgx.QueryExecModeSimpleProtocol); err != nil {
			r.t.Fatalf("run %q: %v", q, err)
		}
	}
}

// settle waits until everything committed so far was decided.
func (r *rig) settle() {
	r.t.Helper()
	r.marks++
	want := r.marks
	r.exec("insert into public.marker select coalesce(max(id), 0) + 1 from public.marker")
	r.until("the marker", func() bool { return len(r.got["marker"]) >= want })
}

// take settles and returns what the member received since the last take.
func (r *rig) take(member any) []received {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.got[member]
	delete(r.got, member)
	return out
}

// noticesOf returns what the member was told.
func (r *rig) noticesOf(member any) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.notices[member]...)
}

// hold stops the Engine behind a marker and returns what lets it go on: what commits meanwhile is decided afterwards.
func (r *rig) hold() (release func()) {
	r.t.Helper()
	gate := make(chan struct{})
	r.mu.Lock()
	r.gate = gate
	r.mu.Unlock()
	r.marks++
	r.exec("insert into public.marker select coalesce(max(id), 0) + 1 from public.marker")
	r.until("the engine to stop", func() bool { return r.held })
	return func() { close(gate) }
}

// events returns what arrived at a member, shortly: the event, the record and what else is odd.
func (r *rig) events(member any) []string {
	r.t.Helper()
	out := []string{}
	for _, row := range r.take(member) {
		var data struct {
			Record    json.RawMessage
			OldRecord json.RawMessage `json:"old_record"`
			Errors    []string
		}
		if err := json.Unmarshal(row.Data, &data); err != nil {
			r.t.Fatalf("decode %s: %v", row.Data, err)
		}
		line := row.Event
		if data.Record != nil {
			line += " " + string(data.Record)
		}
		if data.OldRecord != nil {
			line += " was " + string(data.OldRecord)
		}
		for _, e := range data.Errors {
			line += " " + e
		}
		out = append(out, line)
	}
	return out
}

// expect settles and compares what arrived at a member.
func (r *rig) expect(member any, want ...string) {
	r.t.Helper()
	if want == nil {
		want = []string{}
	}
	if d := cmp.Diff(r.events(member), want); d != "" {
		r.t.Errorf("%v (-got +want):\n%s\nnotices %q", member, d, r.noticesOf(member))
	}
}
