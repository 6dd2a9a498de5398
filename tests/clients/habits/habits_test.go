package habits

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"realtime/tests/frames"
)

// readable says, by file, what the client's parser insists on in every text frame.
var readable = map[string]func(frame) error{
	"csharp":  stringRefs,
	"dart":    all(stringRefs, objectPayload),
	"dart-v1": all(stringRefs, objectPayload),
	"go":      objectPayload,
	"go-new":  objectPayload,
	"kotlin":  all(stringRefs, objectPayload),
	"python":  all(stringRefs, objectPayload, schema),
	"swift":   all(stringRefs, objectPayload),
}

// frame is a text frame as an object of version 1, whatever version it came in.
type frame map[string]any

func TestHabits(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) != len(readable) {
		t.Fatalf("%d scripts, %d sets of rules, %v", len(files), len(readable), err)
	}
	h := newHouse(t)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		t.Run(name, func(t *testing.T) {
			if readable[name] == nil {
				t.Fatalf("nobody says what %s can read", name)
			}
			replay(t, h, file, readable[name])
		})
	}
}

func replay(t *testing.T, h *house, file string, rules func(frame) error) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var c *frames.Client
	script := strings.ReplaceAll(string(text), "$TOKEN", h.token)
	for n, line := range strings.Split(script, "\n") {
		verb, rest, _ := strings.Cut(line, " ")
		var err error
		switch verb {
		case "", "#":
		case "=":
			c, err = h.dial(t, rest)
		case ">":
			_, err = c.Write(frames.Masked(frames.Text, rest))
		case ">>":
			var raw string
			if raw, err = strconv.Unquote(rest); err == nil {
				_, err = c.Write(frames.Masked(frames.Binary, raw))
			}
		case "<":
			err = expect(c, rest, rules)
		case "<<":
			var want string
			if want, err = strconv.Unquote(rest); err == nil {
				err = expectBinary(c, want)
			}
		default:
			err = fmt.Errorf("no such verb: %s", verb)
		}
		if err != nil {
			t.Fatalf("line %d: %v", n+1, err)
		}
	}
}

// expect reads a text frame, checks that the client can read it and compares it.
func expect(c *frames.Client, want string, rules func(frame) error) error {
	b0, got, err := c.Next()
	if err != nil || b0 != frames.Text {
		return fmt.Errorf("got frame %#x %q, %w, want %s", b0, got, err, want)
	}
	var g, w any
	if err := json.Unmarshal(got, &g); err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		return fmt.Errorf("wanted frame: %w", err)
	}
	if !same(g, w) {
		return fmt.Errorf("got  %s\nwant %s", got, want)
	}
	f, ok := g.(map[string]any)
	if a, isArray := g.([]any); isArray && len(a) == 5 {
		f, ok = frame{"join_ref": a[0], "ref": a[1], "topic": a[2], "event": a[3], "payload": a[4]}, true
	}
	if !ok {
		return fmt.Errorf("got %s, neither version 1 nor 2", got)
	}
	if err := rules(f); err != nil {
		return fmt.Errorf("the client cannot read %s: %w", got, err)
	}
	return nil
}

func expectBinary(c *frames.Client, want string) error {
	b0, got, err := c.Next()
	if err != nil || b0 != frames.Binary || string(got) != want {
		return fmt.Errorf("got frame %#x %q, %w, want the binary frame %q", b0, got, err, want)
	}
	return nil
}

// same compares JSON values; the string $any in the second is any value.
func same(got, want any) bool {
	switch w := want.(type) {
	case string:
		return w == "$any" || got == want
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for key, value := range w {
			if v, there := g[key]; !there || !same(v, value) {
				return false
			}
		}
		return true
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for i := range w {
			if !same(g[i], w[i]) {
				return false
			}
		}
		return true
	default:
		return reflect.DeepEqual(got, want)
	}
}

// all are several rules as one.
func all(rules ...func(frame) error) func(frame) error {
	return func(f frame) error {
		for _, rule := range rules {
			if err := rule(f); err != nil {
				return err
			}
		}
		return nil
	}
}

// stringRefs: both refs are declared as strings that may be null or missing.
func stringRefs(f frame) error {
	for _, key := range []string{"ref", "join_ref"} {
		if _, ok := f[key].(string); !ok && f[key] != nil {
			return fmt.Errorf("%s is neither a string nor null", key)
		}
	}
	return nil
}

// objectPayload: payloads, and the responses of replies, are decoded as maps.
func objectPayload(f frame) error {
	payload, ok := f["payload"].(map[string]any)
	if !ok {
		return fmt.Errorf("the payload is no object")
	}
	if f["event"] == "phx_reply" {
		if _, ok := payload["response"].(map[string]any); !ok {
			return fmt.Errorf("the response is no object")
		}
	}
	return nil
}

// schema is what the Python client's models require: pushes of the server have a
// ref that is null, system messages name their channel.
func schema(f frame) error {
	switch f["event"] {
	case "system", "broadcast", "presence_state", "presence_diff", "postgres_changes":
		if ref, there := f["ref"]; !there || ref != nil {
			return fmt.Errorf("ref is not null")
		}
	}
	if payload, _ := f["payload"].(map[string]any); f["event"] == "system" && payload["channel"] == nil {
		return fmt.Errorf("no channel in a system message")
	}
	return nil
}
