package actors

import (
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"realtime/tenancy"

	errcodes "realtime/protocol/codes"
)

// traced records work of a tenant's that is over, as a span with its beginning, under the handshake of h if it is some
// connection's. Broadcasts, presence and changes have none: they are counted, not traced.
func (s *System) traced(h *Hello, t *tenancy.Tenant, name string, begun time.Time, err error, more ...attribute.KeyValue) {
	if s.o.Tracer == nil {
		return
	}
	ctx := s.life
	if h != nil && h.Trace != nil {
		ctx = trace.ContextWithSpanContext(ctx, *h.Trace)
	}
	_, span := s.o.Tracer.Start(ctx, name, trace.WithTimestamp(begun), trace.WithAttributes(append(more, attribute.String("tenant", t.ExternalID))...))
	if err != nil {
		span.SetStatus(codes.Error, string(errcodes.Of(err).Code))
	}
	span.End()
}
