//go:build !linux

package actors

import "net"

// rawFD is absent here: everything is written by drain, through net.Conn, with the same bounds.
type rawFD struct{}

var noFD = rawFD{}

func rawOf(*net.TCPConn) rawFD { return noFD }

func (rawFD) write([]byte) (int, bool) { return 0, true }
