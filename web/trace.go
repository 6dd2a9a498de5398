package web

import (
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// traced begins the span of a request or handshake, as a part of what its headers name. Without a tracer it gives nil, which
// the others take.
func (s *Server) traced(r *http.Request) (*http.Request, trace.Span) {
	if s.o.Tracer == nil {
		return r, nil
	}
	ctx := s.o.Propagator.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	ctx, span := s.o.Tracer.Start(ctx, r.Method, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("http.request.method", r.Method), attribute.String("url.path", address(r)))) // not the query: apikey travels in it
	return r.WithContext(ctx), span
}

// traceEnd ends it. route is the address' pattern, which has no values of users in it.
func traceEnd(span trace.Span, method, route string, status int) {
	if span == nil {
		return
	}
	if route != "" {
		span.SetName(route)
		if len(route) > len(method) && route[:len(method)] != method {
			span.SetName(method + " " + route)
		}
		span.SetAttributes(attribute.String("http.route", route))
	}
	span.SetAttributes(attribute.Int("http.response.status_code", status))
	if status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, http.StatusText(status))
	}
	span.End()
}
