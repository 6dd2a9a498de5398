package main

import (
	"context"
	"errors"
	"log/slog"

	"realtime/protocol/codes"
)

// logFields adds the fields by which the original's log lines are found, error_code, project and external_id, to those that
// have a code or a tenant, and the code to those whose error has one.
type logFields struct{ slog.Handler }

// Handle implements slog.Handler.
func (h logFields) Handle(ctx context.Context, r slog.Record) error {
	var more []slog.Attr
	r.Attrs(func(a slog.Attr) bool {
		more = append(more, fieldsOf(a)...)
		return true
	})
	if f := faultOf(r); f != nil {
		more = append(more, slog.String("code", string(f.Code)), slog.String("error_code", string(f.Code)))
	}
	r.AddAttrs(more...)
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h logFields) WithAttrs(list []slog.Attr) slog.Handler {
	for _, a := range list {
		list = append(list, fieldsOf(a)...)
	}
	return logFields{h.Handler.WithAttrs(list)}
}

// WithGroup implements slog.Handler.
func (h logFields) WithGroup(name string) slog.Handler { return logFields{h.Handler.WithGroup(name)} }

func fieldsOf(a slog.Attr) []slog.Attr {
	switch a.Key {
	case "code":
		return []slog.Attr{{Key: "error_code", Value: a.Value}}
	case "tenant":
		return []slog.Attr{{Key: "project", Value: a.Value}, {Key: "external_id", Value: a.Value}}
	}
	return nil
}

// faultOf is the fault in a record's err, unless the record names a code itself.
func faultOf(r slog.Record) (f *codes.Fault) {
	named := false
	r.Attrs(func(a slog.Attr) bool {
		named = named || a.Key == "code"
		if err, ok := a.Value.Any().(error); ok && a.Key == "err" {
			f, _ = errors.AsType[*codes.Fault](err)
		}
		return true
	})
	if named || f != nil && f.Code == codes.UnknownError {
		return nil
	}
	return f
}
