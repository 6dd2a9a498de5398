package web

import (
	"context"
	"net/http"
	"sync"
	"time"

	"realtime/tenancy"
)

// readyTimeout bounds the question that readiness asks.
const readyTimeout = 2 * time.Second

// healthcheck says that the process serves; it checks nothing.
func healthcheck(w http.ResponseWriter, _ *http.Request) {
	plain(w, http.StatusOK, "ok")
}

// ready says whether requests can be answered well: the tenant rows can be read, and the server is not on its way down.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if s.stopping() {
		plain(w, http.StatusServiceUnavailable, "not ready: the server is stopping")
		return
	}
	if s.o.Store != nil {
		if _, err := s.o.Store.Names(ctx, 1); err != nil {
			s.log.Warn("not ready", "err", err)
			plain(w, http.StatusServiceUnavailable, "not ready: the tenant rows cannot be read")
			return
		}
	}
	plain(w, http.StatusOK, "ready")
}

// plain answers with text.
func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", typeText)
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text))
}

// ping says that the host names a tenant.
func ping(w http.ResponseWriter, _ *http.Request, _ *tenancy.Tenant) {
	message(w, http.StatusOK, "Success")
}

// tenantHealth is the state of one tenant on this node. The status is 200 however it is, as in upstream. If users are here and no
// connection to their database is held, which public channels do not need, the database is asked whether one could be made.
func (s *Server) tenantHealth(w http.ResponseWriter, r *http.Request) {
	t, ok := s.known(w, r)
	if !ok {
		return
	}
	h, err := s.o.System.Health(t.ExternalID)
	if err != nil {
		s.storeFailed(w, r, err)
		return
	}
	healthy := h.Connected
	switch {
	case h.Connected:
	case h.Users > 0 && len(t.Extensions) > 0:
		if err := s.o.System.Reach(r.Context(), t); err != nil {
			s.log.Warn("tenant's database not reachable", "tenant", t.ExternalID, "err", err)
			break
		}
		h.Connected, healthy = true, true
	default:
		if healthy = !s.waiting.has(t.ExternalID); !healthy {
			s.prepareLater(t)
		}
	}
	var region any
	if s.o.Region != "" {
		region = s.o.Region
	}
	s.data(w, r, http.StatusOK, map[string]any{
		"healthy": healthy, "db_connected": h.Connected, "replication_connected": h.Streaming,
		"connected_cluster": h.Users, "region": region, "node": s.o.Node,
	})
}

// prepareLater makes a database ready that was not when its tenant was made, in the background and once at a time.
func (s *Server) prepareLater(t *tenancy.Tenant) {
	if !s.waiting.begin(t.ExternalID) {
		return
	}
	if !s.join(&s.handshakes, nil) {
		s.waiting.end(t.ExternalID, false)
		return
	}
	go func() { // ends with prepare, which has a deadline and Shutdown
		defer s.handshakes.Done()
		ctx, cancel := context.WithCancel(s.life)
		defer cancel()
		err := s.prepare(ctx, t)
		if err != nil {
			s.log.Error("tenant's database not ready", "tenant", t.ExternalID, "err", err)
		}
		s.waiting.end(t.ExternalID, err == nil)
	}()
}

// prepareTimeout bounds how long a new tenant's database may take to be ready, as upstream has it.
const prepareTimeout = 50 * time.Second

func (s *Server) prepare(ctx context.Context, t *tenancy.Tenant) error {
	ctx, cancel := context.WithTimeout(ctx, prepareTimeout)
	defer cancel()
	return s.o.System.Keep(ctx, t)
}

// mostWaiting bounds the tenants whose databases are known not to be ready. Others are found out when somebody needs them.
const mostWaiting = 1000

// waiting are the tenants whose databases could not be made ready when they were created. It is safe for concurrent use.
type waiting struct {
	mu   sync.Mutex
	busy map[string]bool // true while somebody is at it
}

func (l *waiting) add(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy == nil {
		l.busy = map[string]bool{}
	}
	if len(l.busy) < mostWaiting {
		l.busy[id] = false
	}
}

func (l *waiting) remove(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.busy, id)
}

func (l *waiting) has(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.busy[id]
	return ok
}

// begin reports whether the caller is the one to try again.
func (l *waiting) begin(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	busy, ok := l.busy[id]
	if ok && !busy {
		l.busy[id] = true
	}
	return ok && !busy
}

func (l *waiting) end(id string, done bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.busy[id]; !ok {
		return
	}
	if l.busy[id] = false; done {
		delete(l.busy, id)
	}
}
