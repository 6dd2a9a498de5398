package client

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/lxzan/gws"
	"go.uber.org/goleak"

	"realtime/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is the smallest Realtime there can be: rooms, acknowledgements and echoes, no rights and no presence state.
type server struct {
	gws.BuiltinEventHandler
	t    *testing.T
	http *httptest.Server

	mu      sync.Mutex
	conns   map[*gws.Conn]*peer
	mute    bool   // answers nothing any more
	refuse  string // reason to refuse joins with
	tokens  []string
	beats   chan struct{} // one for each heartbeat, if there is room
	headers http.Header   // of the last handshake
	query   string
}

// peer is one connection of the server.
type peer struct {
	version protocol.Version
	topics  map[string]*membership
}

type membership struct {
	joinRef   protocol.Ref
	topicJSON []byte
	join      *protocol.Join
}

func newServer(t *testing.T, start func(http.Handler) *httptest.Server) *server {
	s := &server{t: t, conns: map[*gws.Conn]*peer{}, beats: make(chan struct{}, 1)}
	up := gws.NewUpgrader(s, &gws.ServerOption{})
	s.http = start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.headers, s.query = r.Header.Clone(), r.URL.RawQuery
		s.headers.Set("Host", r.Host)
		s.mu.Unlock()
		if r.URL.Query().Get("apikey") == "bad" {
			w.Header().Set("content-type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"error":"API key is missing"}`))
			return
		}
		version, ok := protocol.ParseVersion(r.URL.Query().Get("vsn"))
		if !ok || !strings.HasSuffix(r.URL.Path, "/websocket") {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		s.mu.Lock() // until it is among the connections: the client may be told that it is one before
		conn, err := up.Upgrade(w, r)
		if err == nil {
			s.conns[conn] = &peer{version: version, topics: map[string]*membership{}}
		}
		s.mu.Unlock()
		if err != nil {
			return
		}
		conn.ReadLoop()
		s.mu.Lock()
		delete(s.conns, conn)
		s.mu.Unlock()
	}))
	t.Cleanup(s.http.Close)
	return s
}

// url is what an application would configure.
func (s *server) url() string { return s.http.URL + "/socket" }

// set changes what the server does.
func (s *server) set(change func(*server)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// each does something to every connection.
func (s *server) each(do func(*gws.Conn)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns {
		do(conn)
	}
}

func (s *server) OnMessage(conn *gws.Conn, m *gws.Message) {
	defer m.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.conns[conn]
	var msg protocol.Message
	if err := p.version.Decode(m.Bytes(), m.Opcode == gws.OpcodeBinary, &msg); err != nil {
		s.t.Errorf("the client sent %q: %v", m.Bytes(), err)
		return
	}
	if !s.mute {
		s.handle(conn, p, &msg)
	}
}

func (s *server) handle(conn *gws.Conn, p *peer, m *protocol.Message) {
	topic := string(m.Topic)
	topicJSON := protocol.AppendString(nil, topic)
	member := p.topics[topic]
	reply := func(joinRef protocol.Ref, status string, response []byte) {
		s.write(conn, protocol.AppendReply(nil, p.version, joinRef, m.Ref, topicJSON, status, response))
	}
	switch event := string(m.Event); {
	case topic == protocol.TopicPhoenix:
		select {
		case s.beats <- struct{}{}:
		default:
		}
		reply(protocol.Ref{}, protocol.StatusOK, nil)
	case event == protocol.EventJoin && s.refuse != "":
		reply(m.JoinRef, protocol.StatusError, protocol.AppendReason(nil, s.refuse))
	case event == protocol.EventJoin:
		join, err := protocol.ParseJoin(m.Payload)
		if err != nil {
			s.t.Error(err)
			return
		}
		reply(m.JoinRef, protocol.StatusOK, protocol.AppendJoinResponse(nil, join.Changes))
		if member != nil {
			s.write(conn, protocol.AppendPhxClose(nil, p.version, member.joinRef, topicJSON))
		}
		p.topics[topic] = &membership{joinRef: m.JoinRef.Clone(), topicJSON: topicJSON, join: join}
	case member == nil:
		reply(protocol.Ref{}, protocol.StatusError, protocol.AppendReason(nil, protocol.ReasonUnmatchedTopic))
	case event == protocol.EventLeave:
		reply(member.joinRef, protocol.StatusOK, nil)
		s.write(conn, protocol.AppendPhxClose(nil, p.version, member.joinRef, topicJSON))
		delete(p.topics, topic)
	case event == protocol.EventBroadcast:
		s.broadcast(conn, member, topic, m)
		if member.join.Ack {
			reply(member.joinRef, protocol.StatusOK, nil)
		}
	case event == protocol.EventPresence:
		if push := protocol.ParsePresence(m.Payload); !push.IsObject {
			reply(member.joinRef, protocol.StatusError, protocol.AppendReason(nil, "Presence track payload must be a map"))
			return
		}
		reply(member.joinRef, protocol.StatusOK, nil)
	case event == protocol.EventAccessToken:
		s.tokens = append(s.tokens, protocol.ParseAccessToken(m.Payload).Token)
	}
}

// broadcast sends a message to all members but its sender, who gets it with self.
func (s *server) broadcast(sender *gws.Conn, from *membership, topic string, m *protocol.Message) {
	for conn, p := range s.conns {
		if member := p.topics[topic]; member == nil || conn == sender && !from.join.Self {
			continue
		}
		frame, _, err := protocol.EncodeBroadcast(p.version, m, topic, from.topicJSON)
		if err != nil {
			s.t.Error(err)
		}
		s.write(conn, frame)
	}
}

// write sends a whole frame past gws.
func (s *server) write(conn *gws.Conn, frame []byte) {
	if _, err := conn.NetConn().Write(frame); err != nil {
		s.t.Log(err)
	}
}
