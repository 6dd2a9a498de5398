package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// pubCommand sends one broadcast and waits until the server has taken it.
type pubCommand struct {
	channelFlags
	Topic   string `arg:"" help:"Channel, such as room or realtime:room."`
	Event   string `arg:"" help:"Event, such as shout."`
	Payload string `arg:"" default:"{}" help:"JSON object to send."`
}

func (c *pubCommand) Run(ctx context.Context, p *process) error {
	if _, err := object(c.Payload); err != nil {
		return usage(errors.New(`the payload: want a JSON object such as {"hello":"world"}`))
	}
	ctx, stop := p.untilSignal(ctx)
	defer stop()
	conn, ch, err := c.join(ctx, p, c.Topic, map[string]any{
		"broadcast": map[string]any{"ack": true, "self": false},
	})
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := ch.Broadcast(ctx, c.Event, json.RawMessage(c.Payload)); err != nil {
		return &failure{step: fmt.Sprintf("send %s to %s", c.Event, fullTopic(c.Topic)), err: err}
	}
	fmt.Fprintf(p.stdout, "sent %s to %s\n", c.Event, fullTopic(c.Topic))
	return nil
}
