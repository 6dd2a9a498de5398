//go:build !linux

package bench

import (
	"errors"
	"net"
	"time"
)

var errLinux = errors.New("start the load generator: it needs Linux, for epoll and /proc; run it there, or in a container, with --url naming this server")

// newReactor refuses, so that nothing below is ever called.
func newReactor(time.Time) (*reactor, error) { return nil, errLinux }

func detach(net.Conn) (int, error)   { return 0, errLinux }
func (r *reactor) do(func())         {}
func (r *reactor) add(*conn, []byte) {}
func (c *conn) send([]byte)          {}
func (c *conn) end(string)           {}
func (c *conn) stall()               {}
func (c *conn) reset()               {}
