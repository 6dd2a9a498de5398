package selfhost

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"realtime/postgres/pgtest"
	"realtime/protocol/client"
	"realtime/tests/leaks"
	"realtime/tests/program"
)

// span is what the receiver keeps of one.
type span struct{ trace, service string }

// receiver takes traces as an OpenTelemetry collector does.
type receiver struct {
	mu    sync.Mutex
	spans map[string]span // the last of each name
	t     *testing.T
}

func (c *receiver) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if len(leaks.In(string(body))) > 0 {
		c.t.Error("a trace holds a token or a payload")
	}
	var m collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(body, &m); err != nil {
		c.t.Errorf("%s: %v", r.URL.Path, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, res := range m.GetResourceSpans() {
		service := ""
		for _, a := range res.GetResource().GetAttributes() {
			if a.GetKey() == "service.name" {
				service = a.GetValue().GetStringValue()
			}
		}
		for _, scope := range res.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				c.spans[s.GetName()] = span{hex.EncodeToString(s.GetTraceId()), service}
			}
		}
	}
}

// TestTraces: handshakes, joins, what is asked of a database and requests are sent to where OTEL_ variables say, under the trace
// of whoever asked; without them nothing is.
func TestTraces(t *testing.T) {
	c := &receiver{spans: map[string]span{}, t: t}
	server := httptest.NewServer(c)
	defer server.Close()
	db := pgtest.DB(t)
	s := program.New(t, root, append(database(db), "DB_ENC_KEY="+encKey, "API_JWT_SECRET="+first, "SEED_SELF_HOST=true",
		"OTEL_TRACES_EXPORTER=otlp", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "OTEL_EXPORTER_OTLP_ENDPOINT="+server.URL, "OTEL_BSP_SCHEDULE_DELAY=50")...)
	s.Start()
	pgtest.Exec(t, db, "create policy all_may on realtime.messages for all to anon using (true) with check (true)")
	const trace = "0af7651916cd43dd8448eb211c80319c"
	parent := http.Header{"Traceparent": {"00-" + trace + "-b7ad6b7169203331-01"}}
	conn, err := client.Dial(t.Context(), client.Options{URL: s.URL, APIKey: token(t, first), Header: parent})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	config := map[string]any{"private": true, "broadcast": map[string]any{"ack": true, "replay": map[string]any{"since": 0, "limit": 1}}}
	ch, err := conn.Join(t.Context(), "realtime:room", map[string]any{"config": config})
	if err != nil {
		t.Fatal(err)
	}
	if err := ch.Broadcast(t.Context(), "e", map[string]any{"a": leaks.Marker}); err != nil {
		t.Fatal(err)
	}
	ask(t, s, "GET /api/ping?apikey="+token(t, first), token(t, first), "")
	want := map[string]bool{"GET /socket/websocket": true, "join": true, "replay": true, "ask policies": false, "prepare database": false, "GET /api/ping": false}
	for deadline := time.Now().Add(time.Minute); ; <-time.After(20 * time.Millisecond) {
		c.mu.Lock()
		missing := []string{}
		for name, ofTrace := range want {
			got, ok := c.spans[name]
			if !ok {
				missing = append(missing, name)
			} else if got.service != "realtime" || ofTrace && got.trace != trace {
				t.Errorf("%s is %+v", name, got)
			}
		}
		names := len(c.spans)
		c.mu.Unlock()
		if len(missing) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no span of %q, %d others", missing, names)
		}
	}
	s.Stop()
	c.mu.Lock()
	c.spans = map[string]span{}
	c.mu.Unlock()
	restart(s, "OTEL_SDK_DISABLED=true")
	ask(t, s, "GET /api/ping", token(t, first), "")
	s.Stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.spans) > 0 {
		t.Errorf("spans are sent although OTEL_SDK_DISABLED is true: %v", c.spans)
	}
}
