package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
)

// certificateGap is how long the files of a certificate are not looked at again.
const certificateGap = time.Second

// certificate is the pair of files that the listener's TLS uses. They are looked at when somebody connects, at most once
// in certificateGap: that needs no watcher, and sees files that are replaced by links, as Kubernetes does it. A pair that
// cannot be read, because only one of the two was replaced so far, leaves the old one in use.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger
	now               func() time.Time

	mu      sync.Mutex
	pair    *tls.Certificate
	looked  time.Time
	version string // of the files that were read last
	fits    bool   // they could be used; else they are tried again
}

func newCertificate(certFile, keyFile string, log *slog.Logger) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, log: log, now: time.Now}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("load certificate: %w", err)
	}
	c.pair, c.version, c.fits, c.looked = &pair, c.stamp(), true, c.now()
	return c, nil
}

// config is for a listener. It speaks HTTP/1.1 only: a WebSocket handshake needs it.
func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.get(), nil },
	}
}

// get returns the pair, read anew if the files have changed.
func (c *certificate) get() *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if now.Sub(c.looked) < certificateGap {
		return c.pair
	}
	c.looked = now
	version := c.stamp()
	changed := version != c.version
	if !changed && c.fits {
		return c.pair
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	c.version, c.fits = version, err == nil
	if err != nil {
		if changed {
			c.log.Warn("new certificate cannot be used, the old one stays", "err", err)
		}
		return c.pair
	}
	c.pair = &pair
	c.log.Info("certificate replaced", "not_after", pair.Leaf.NotAfter)
	return c.pair
}

// stamp changes with the files.
func (c *certificate) stamp() string {
	var s strings.Builder
	for _, name := range []string{c.certFile, c.keyFile} {
		if info, err := os.Stat(name); err == nil {
			fmt.Fprintf(&s, "%d %d ", info.Size(), info.ModTime().UnixNano())
		} else {
			s.WriteString("gone ")
		}
	}
	return s.String()
}
