package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// state is what a running server says about itself in its data directory, for
// `db url`, `pub`, `sub`, and for a second server that finds the place taken.
type state struct {
	PID      int       `json:"pid"`
	URL      string    `json:"url"`      // http://localhost:4000
	Database string    `json:"database"` // with its password
	Started  time.Time `json:"started"`
	Version  string    `json:"version"`
}

var errNotRunning = errors.New("no server runs in this data directory")

// readState returns the state of the server that runs in d. A file that a
// killed server left behind counts as none.
func readState(d dataDir) (*state, error) {
	content, err := os.ReadFile(d.stateFile())
	if missing(err) {
		return nil, errNotRunning
	}
	if err != nil {
		return nil, fmt.Errorf("read the server's state: %w", err)
	}
	s := new(state)
	if err := json.Unmarshal(content, s); err != nil || !alive(s.PID) {
		return nil, errNotRunning
	}
	return s, nil
}

func writeState(d dataDir, s *state) error {
	content, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("write the server's state: %w", err)
	}
	return writePrivate(d.stateFile(), append(content, '\n'))
}

// removeState deletes the state if it is still this process that it names.
func removeState(d dataDir) {
	content, err := os.ReadFile(d.stateFile())
	var s state
	if err == nil && json.Unmarshal(content, &s) == nil && s.PID == os.Getpid() {
		os.Remove(d.stateFile()) // a file left behind is recognised by its pid
	}
}

// answers reports whether something accepts connections at address.
func answers(ctx context.Context, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}
