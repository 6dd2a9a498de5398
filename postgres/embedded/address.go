package embedded

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// maxSocketPath is how long a Unix socket's path may be: sun_path without its final zero, 108 bytes on Linux and 104 on
// macOS and the BSDs. The smaller one holds everywhere.
const maxSocketPath = 103

// choosePort settles the TCP port: the one asked for, or the one of the last start, or a free one.
func (s *Server) choosePort(ctx context.Context) error {
	if p := s.options.Port; p != 0 {
		if p < 0 || p > 65535 {
			return fmt.Errorf("choose port: %d is not between 0 and 65535", p)
		}
		if err := tryPort(ctx, p); err != nil {
			return &PortTakenError{Port: p, Err: err}
		}
		s.port = p
	} else if kept, _ := strconv.Atoi(s.home.read(portName)); kept > 0 && kept <= 65535 && tryPort(ctx, kept) == nil {
		s.port = kept
		return nil // it is in the file already
	} else {
		free, err := freePort(ctx)
		if err != nil {
			return err
		}
		if kept != 0 {
			s.log.Warn("port of the embedded postgres is taken by another program; it gets a new one", "port", kept, "new_port", free)
		}
		s.port = free
	}
	return s.home.write(portName, strconv.Itoa(s.port))
}

// freePort picks a port at random below the ranges that systems hand out for outgoing connections (from 32768 on
// Linux, 49152 elsewhere): one from there could belong to somebody's connection just when Postgres restarts.
func freePort(ctx context.Context) (int, error) {
	var err error
	for range 100 {
		port := 20000 + rand.IntN(12000)
		if err = tryPort(ctx, port); err == nil {
			return port, nil
		}
	}
	return 0, fmt.Errorf("find a free port on 127.0.0.1: %w", err)
}

// tryPort returns nil if the loopback port can be listened on.
func tryPort(ctx context.Context, port int) error {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return err
	}
	return l.Close()
}

// chooseSocketDir settles where the Unix socket goes: into the data directory, or into a short-named private directory
// if the path would be too long. The latter's name is kept, so that the next start removes what a killed one left.
func (s *Server) chooseSocketDir() error {
	h := s.home
	if old := h.read(socketName); old != "" && isShortDir(old) {
		_ = os.RemoveAll(old)
		_ = h.root.Remove(socketName)
	}
	if len(filepath.Join(h.dir, ".s.PGSQL.65535")) <= maxSocketPath {
		s.socketDir = h.dir
		return nil
	}
	parent := os.TempDir()
	if len(parent) > maxSocketPath-40 {
		parent = "/tmp"
	}
	dir, err := os.MkdirTemp(parent, shortPrefix)
	if err != nil {
		return fmt.Errorf("make a directory for the Unix socket (the path of %s is too long for one): %w", h.dir, err)
	}
	if h.owner.drop {
		if err := os.Chown(dir, h.owner.uid, h.owner.gid); err != nil {
			return fmt.Errorf("give %s to user %s: %w", dir, h.owner.name, err)
		}
	}
	if err := h.owner.checkReach(dir); err != nil {
		return err
	}
	s.socketDir = dir
	return h.write(socketName, dir)
}

const shortPrefix = "realtime-pg-"

// isShortDir guards the removal of a directory whose name was read from a file.
func isShortDir(dir string) bool {
	return filepath.IsAbs(dir) && filepath.Clean(dir) == dir && strings.HasPrefix(filepath.Base(dir), shortPrefix)
}

// removeSockets clears what a killed postmaster left in the socket's directory. Postgres would do it, unless the dead
// one's number is that of a living process by now, or nobody has reaped it yet.
func (s *Server) removeSockets() {
	old, _ := filepath.Glob(filepath.Join(s.socketDir, ".s.PGSQL.*")) // a path with brackets in it: then Postgres has to
	for _, path := range old {
		_ = os.Remove(path)
	}
}

// removeSocketDir undoes chooseSocketDir.
func (s *Server) removeSocketDir() {
	if s.socketDir != "" && s.socketDir != s.home.dir {
		_ = os.RemoveAll(s.socketDir)
		_ = s.home.root.Remove(socketName)
	}
}

// URL returns the superuser's address over loopback TCP, password included.
func (s *Server) URL() string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(superuser, s.password), Path: "/postgres", RawQuery: "sslmode=disable",
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)),
	}
	return u.String()
}

// SocketURL returns the superuser's address over the Unix socket, which needs no password: only root and the user that
// Postgres runs as may open it.
func (s *Server) SocketURL() string {
	q := url.Values{"host": {s.socketDir}, "port": {strconv.Itoa(s.port)}}
	u := url.URL{Scheme: "postgres", User: url.User(superuser), Path: "/postgres", RawQuery: q.Encode()}
	return u.String()
}
