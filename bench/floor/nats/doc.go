// Command nats runs nats-server with its WebSocket on a port of this machine, as a yardstick of the load benchmark. Nobody
// has to say who they are, and nothing is stored.
package main
