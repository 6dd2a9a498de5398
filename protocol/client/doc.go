// Package client is a small Realtime client for commands, benchmarks and tests.
package client
