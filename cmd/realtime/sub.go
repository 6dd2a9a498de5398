package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"realtime/protocol"
	"realtime/protocol/client"
)

// subCommand joins one channel and prints what arrives, one line each.
type subCommand struct {
	channelFlags
	Topic    string   `arg:"" help:"Channel, such as room or realtime:room."`
	Changes  []string `placeholder:"SCHEMA.TABLE" sep:"none" help:"Also print inserts, updates and deletes of this table (* for all); may be repeated."`
	Filter   string   `placeholder:"FILTER" help:"Only rows that match, such as id=eq.1."`
	Presence string   `placeholder:"KEY" help:"Be present under this key and print who comes and goes."`
	Count    int      `placeholder:"N" help:"End after this many lines."`
}

func (c *subCommand) Run(ctx context.Context, p *process) error {
	config, err := c.config()
	if err != nil {
		return err
	}
	ctx, stop := p.untilSignal(ctx)
	defer stop()
	conn, ch, err := c.join(ctx, p, c.Topic, config)
	if err != nil {
		return err
	}
	defer conn.Close()
	fmt.Fprintf(p.stdout, "subscribed %s\n", fullTopic(c.Topic))
	if c.Presence != "" {
		if err := ch.Track(ctx, map[string]any{}); err != nil {
			return &failure{step: "track presence", err: err}
		}
	}
	return c.print(ctx, p.stdout, ch.Events())
}

// print writes events until the count is reached, the channel closes or ctx ends.
func (c *subCommand) print(ctx context.Context, w io.Writer, events <-chan client.Event) error {
	for n := 0; c.Count == 0 || n < c.Count; {
		select {
		case <-ctx.Done():
			return nil
		case e, open := <-events:
			if !open {
				return &failure{err: errors.New("the server closed the connection")}
			}
			lines := describe(e)
			for _, line := range lines {
				fmt.Fprintln(w, line)
			}
			n += len(lines)
			if e.Event == protocol.EventClose || e.Event == protocol.EventError {
				return &failure{err: errors.New("the server closed the channel")}
			}
		}
	}
	return nil
}

func (c *subCommand) config() (map[string]any, error) {
	config := map[string]any{
		"broadcast": map[string]any{"ack": false, "self": true},
		"presence":  map[string]any{"key": c.Presence, "enabled": c.Presence != ""},
	}
	var changes []map[string]string
	for _, name := range c.Changes {
		entry := map[string]string{"event": "*"}
		schema, table, qualified := strings.Cut(name, ".")
		switch {
		case name == "":
			return nil, usage(errors.New("--changes: want schema.table, such as public.todos, or * for all"))
		case name == "*":
			entry["schema"] = "*"
		case qualified:
			entry["schema"], entry["table"] = schema, table
		default:
			entry["schema"], entry["table"] = "public", name
		}
		if c.Filter != "" {
			entry["filter"] = c.Filter
		}
		changes = append(changes, entry)
	}
	if changes != nil {
		config["postgres_changes"] = changes
	}
	return config, nil
}

// describe tells one event in lines that begin with what happened.
func describe(e client.Event) []string {
	switch e.Event {
	case protocol.EventBroadcast:
		if event, payload, ok := e.Broadcast(); ok && e.Binary {
			return []string{fmt.Sprintf("broadcast %s (%d bytes)", event, len(payload))}
		} else if ok {
			return []string{fmt.Sprintf("broadcast %s %s", event, payload)}
		}
	case protocol.EventPresenceState:
		return describePresences("here", e.Payload)
	case protocol.EventPresenceDiff:
		var d struct{ Joins, Leaves json.RawMessage }
		if json.Unmarshal(e.Payload, &d) == nil {
			return append(describePresences("leave", d.Leaves), describePresences("join", d.Joins)...)
		}
	case protocol.EventPostgresChanges:
		return describeChange(e.Payload)
	case protocol.EventSystem:
		var s struct{ Status, Message string }
		if json.Unmarshal(e.Payload, &s) == nil {
			return []string{fmt.Sprintf("system %s %s", s.Status, s.Message)}
		}
	case protocol.EventReply:
		return nil
	case protocol.EventClose:
		return []string{"closed"}
	}
	return []string{fmt.Sprintf("%s %s", e.Event, e.Payload)}
}

func describePresences(verb string, payload []byte) []string {
	var keys map[string]struct{ Metas []map[string]any }
	if json.Unmarshal(payload, &keys) != nil {
		return nil
	}
	var lines []string
	for key, k := range keys {
		for _, meta := range k.Metas {
			delete(meta, "phx_ref")
			delete(meta, "phx_ref_prev")
			text, err := json.Marshal(meta)
			if err != nil {
				continue
			}
			lines = append(lines, fmt.Sprintf("presence %s %s %s", verb, key, text))
		}
	}
	slices.Sort(lines)
	return lines
}

func describeChange(payload []byte) []string {
	var c struct {
		Data struct {
			Type, Schema, Table string
			Record              json.RawMessage
			Old                 json.RawMessage `json:"old_record"`
			Errors              []string
		}
	}
	if err := json.Unmarshal(payload, &c); err != nil {
		return []string{"postgres_changes " + string(payload)}
	}
	d := c.Data
	words := []string{d.Type, d.Schema + "." + d.Table}
	if d.Record != nil {
		words = append(words, string(d.Record))
	}
	if d.Old != nil {
		words = append(words, "old", string(d.Old))
	}
	for _, e := range d.Errors {
		words = append(words, "error", e)
	}
	return []string{strings.Join(words, " ")}
}
