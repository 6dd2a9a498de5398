package main

import (
	"context"
	"strings"
	"time"

	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// tracesLimit bounds the sending of the last spans.
const tracesLimit = time.Second

// startTraces begins to send traces where the standard OTEL_ variables say. They are read by the library, not by the table of
// settings; without OTEL_TRACES_EXPORTER there are none.
func (s *server) startTraces(ctx context.Context) error {
	e := s.p.environment()
	if kind := e["OTEL_TRACES_EXPORTER"]; kind == "" || kind == "none" || strings.EqualFold(e["OTEL_SDK_DISABLED"], "true") {
		return nil
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { s.log.Warn("traces could not be sent", "err", err) }))
	exporter, err := autoexport.NewSpanExporter(ctx)
	if err != nil {
		return &failure{step: "prepare traces", err: err, mend: "OTEL_TRACES_EXPORTER is otlp, console or none; OTEL_EXPORTER_OTLP_ENDPOINT says where to"}
	}
	// What the environment says (OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES) comes last and wins.
	what, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(
		attribute.String("service.name", "realtime"), attribute.String("service.version", versionText()), attribute.String("service.instance.id", s.node())),
		resource.WithFromEnv())
	if err != nil {
		return &failure{step: "read OTEL_RESOURCE_ATTRIBUTES", err: err}
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(what))
	s.tracer = provider.Tracer("realtime")
	s.onStop("traces", tracesLimit, provider.Shutdown)
	return nil
}

// propagators reads OTEL_PROPAGATORS; what is not known here is left out.
func propagators(names string) propagation.TextMapPropagator {
	if strings.TrimSpace(names) == "" {
		names = "tracecontext,baggage"
	}
	var list []propagation.TextMapPropagator
	for name := range strings.SplitSeq(names, ",") {
		switch strings.TrimSpace(name) {
		case "tracecontext":
			list = append(list, propagation.TraceContext{})
		case "baggage":
			list = append(list, propagation.Baggage{})
		}
	}
	return propagation.NewCompositeTextMapPropagator(list...)
}
