package pgtest

import (
	"testing"
	"time"

	"realtime/postgres"
)

// Proxy is a TCP proxy to break connections with.
type Proxy struct{}

// NewProxy starts a proxy to target, host:port.
func NewProxy(t testing.TB, target string) *Proxy { return &Proxy{} }

// Addr is the proxy's own host:port.
func (p *Proxy) Addr() string { return "" }

// Through returns s with the proxy's address in place of its own.
func (p *Proxy) Through(s postgres.Settings) postgres.Settings { return s }

// Cut resets every connection there is; new ones are accepted.
func (p *Proxy) Cut() {}

// Stall holds all bytes back (true) or lets them flow again (false).
func (p *Proxy) Stall(on bool) {}

// Delay holds every byte back for d from now on.
func (p *Proxy) Delay(d time.Duration) {}
