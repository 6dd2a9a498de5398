package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"realtime/protocol/codes"
)

// TestLogLinesHaveUpstreamsFields: alerts that filter by them go on working.
func TestLogLinesHaveUpstreamsFields(t *testing.T) {
	var b bytes.Buffer
	log := newLog(&Config{AppName: "n"}, &b, false)
	log.With("tenant", "acme").Error("x", "code", "QueryCanceled", "took", time.Second)
	log.Error("x", "tenant", "acme", "err", fmt.Errorf("in the way: %w", codes.New(codes.TenantNotFound, "")))
	log.Error("x", "err", errors.New("plain"))
	for i, want := range []map[string]any{
		{"tenant": "acme", "project": "acme", "external_id": "acme", "code": "QueryCanceled", "error_code": "QueryCanceled", "took": "1s"},
		{"tenant": "acme", "project": "acme", "external_id": "acme", "code": "TenantNotFound", "error_code": "TenantNotFound"},
		{"tenant": nil, "project": nil, "external_id": nil, "code": nil, "error_code": nil},
	} {
		line, err := b.ReadBytes('\n')
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatal(err)
		}
		for name, value := range want {
			if got[name] != value {
				t.Errorf("line %d: %s is %v, want %v: %s", i, name, got[name], value, line)
			}
			if n := bytes.Count(line, []byte(`"`+name+`":`)); n > 1 {
				t.Errorf("line %d has %s %d times: %s", i, name, n, line)
			}
		}
	}
}

func TestLogFormat(t *testing.T) {
	for _, c := range []struct {
		format   string
		terminal bool
		json     bool
	}{{"", true, false}, {"", false, true}, {"json", true, true}, {"text", false, false}} {
		var b strings.Builder
		newLog(&Config{LogFormat: c.format}, &b, c.terminal).Info("x")
		if got := json.Valid([]byte(b.String())); got != c.json {
			t.Errorf("format %q, terminal %v: got %s", c.format, c.terminal, b.String())
		}
	}
}
