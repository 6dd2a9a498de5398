// Package client is a small Realtime client for commands, benchmarks and tests: it does what any application's library
// does, in both versions of the protocol, and shows what the server said without interpreting it.
//
//	c, err := client.Dial(ctx, client.Options{URL: "ws://localhost:4000/socket", APIKey: key, Version: protocol.V2})
//	room, err := c.Join(ctx, "realtime:room", nil)
//	err = room.Broadcast(ctx, "shout", map[string]any{"x": 1})
//	for e := range room.Events() { … }
//
// A [Client] has two goroutines: one reads until the connection ends, one sends heartbeats. Events reach their [Channel]
// in the order of the wire. A channel whose events nobody takes stops the reading once its buffer is full, and TCP the
// server: nothing is dropped. All methods may be called by any goroutine.
//
// It does not reconnect, rejoin or refresh tokens: who uses it wants to see these things happen.
package client
