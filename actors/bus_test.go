package actors

import (
	"sync"
	"testing"

	"realtime/protocol"
)

// line is a bus between nodes of one process: what a cluster's is to the actors.
type line struct {
	mu   sync.Mutex
	ends []*end
}

type end struct {
	l     *line
	rooms map[string]bool
	take  func(tenant, room string, batch []byte)
}

func (l *line) end() *end {
	e := &end{l: l, rooms: map[string]bool{}}
	l.ends = append(l.ends, e)
	return e
}

func (e *end) set(tenant, room string, on bool) {
	e.l.mu.Lock()
	defer e.l.mu.Unlock()
	e.rooms[tenant+"/"+room] = on
}

func (e *end) Join(tenant, room string)                             { e.set(tenant, room, true) }
func (e *end) Leave(tenant, room string)                            { e.set(tenant, room, false) }
func (e *end) Receive(take func(tenant, room string, batch []byte)) { e.take = take }
func (e *end) Alone() bool                                          { return false }

func (e *end) Publish(tenant, room string, batch []byte) {
	e.l.mu.Lock()
	defer e.l.mu.Unlock()
	for _, o := range e.l.ends {
		if o != e && o.rooms[tenant+"/"+room] {
			o.take(tenant, room, batch)
		}
	}
}

// What one node fans out reaches the members of the same room on another, once, in order, and nobody else.
func TestBroadcastReachesTheOtherNode(t *testing.T) {
	l := &line{}
	bubble(t, Options{Bus: l.end()}, func(t *testing.T, n *node) {
		s, err := New(Options{Bus: l.end()})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Drain(t.Context())
		far := &node{t: t, s: s, tenant: n.tenant}
		a, b, c := n.connect(protocol.V2), far.connect(protocol.V1), far.connect(protocol.V2)
		a.join(room1, `{}`)
		c.join("realtime:other", `{}`)
		b.send(`{"topic":"realtime:room","event":"phx_join","payload":{"config":{}},"ref":"1","join_ref":"1"}`)
		b.take()
		a.send(`["1","2","realtime:room","broadcast",{"n":1}]`)
		a.sendBinary("\x03\x01\x01\x0d\x01\x00\x01" + "13realtime:roome" + `{"m":3}`)
		b.want(`{"topic":"realtime:room","event":"broadcast","payload":{"n":1},"ref":null}`,
			`{"topic":"realtime:room","event":"broadcast","payload":{"type":"broadcast","event":"e","payload":{"m":3}},"ref":null}`)
		a.want()
		c.want()
		// A message born on a node without members of the room is passed on as well.
		msg := Publication{Topic: "other", Broadcast: protocol.Broadcast{Form: protocol.FormUserJSON, Event: []byte("x"), Payload: []byte(`{"y":1}`)}}
		if err := n.s.Publish(t.Context(), n.tenant, []Publication{msg}); err != nil {
			t.Fatal(err)
		}
		c.want("BIN \x04\x0e\x01\x00\x01" + "realtime:otherx" + `{"y":1}`)
	})
}
