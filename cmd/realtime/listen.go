package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

// listen takes the port before anything slow begins: a port that is taken is
// found out at once, and requests that come early wait instead of failing.
func (s *server) listen(ctx context.Context) error {
	network := map[string]string{"": "tcp", "ipv4": "tcp4", "ipv6": "tcp6"}[s.c.IPVersion]
	l, err := new(net.ListenConfig).Listen(ctx, network, net.JoinHostPort("", strconv.Itoa(s.c.Port)))
	if err != nil {
		return s.listenFailure(ctx, err)
	}
	s.onStop("port", storeLimit, func(context.Context) error {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	s.url = s.c.scheme() + s.local()
	s.listener = l
	if s.c.TLSCert == "" {
		return nil
	}
	pair, err := newCertificate(s.c.TLSCert, s.c.TLSKey, s.log)
	if err != nil {
		return &failure{step: "read REALTIME_TLS_CERT and REALTIME_TLS_KEY", err: err}
	}
	s.listener = tls.NewListener(l, pair.config())
	return nil
}

// listenFailure says who has the port.
func (s *server) listenFailure(ctx context.Context, err error) error {
	f := &failure{step: fmt.Sprintf("listen on port %d", s.c.Port), err: err}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		f.err = fmt.Errorf("it is taken%s", s.portHolder(ctx))
		f.mend = fmt.Sprintf("stop that program, or choose another port: PORT=%d %s serve", s.c.Port+1, s.p.self)
	case errors.Is(err, syscall.EACCES):
		f.mend = fmt.Sprintf("ports below 1024 are for root; choose another: PORT=4000 %s serve", s.p.self)
	}
	return f
}

// portHolder finds out who listens on the port, as far as it can be seen: " by …".
func (s *server) portHolder(ctx context.Context) string {
	if d, err := dataDirOf(s.c); err == nil {
		if st, err := readState(d); err == nil && st.URL == s.c.scheme()+s.local() {
			return fmt.Sprintf(" by another realtime, process id %d, running since %s", st.PID, st.Started.Local().Format(time.DateTime))
		}
	}
	if who := processOnPort(s.c.Port); who != "" {
		return " by " + who
	}
	if healthy(ctx, s.c.scheme()+s.local()) {
		return " by a server that answers /healthcheck, probably another realtime"
	}
	return ""
}

// local is the server's address for this machine itself.
func (s *server) local() string {
	host := "localhost" // either family
	if s.c.IPVersion == "ipv6" {
		host = "::1"
	}
	return net.JoinHostPort(host, strconv.Itoa(s.c.Port))
}

// awaitReady asks the server's own door until it answers, so that "ready" is
// something that was seen and not something that was hoped.
func (s *server) awaitReady(ctx context.Context) error {
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	for !healthy(ctx, s.url) {
		select {
		case err := <-s.failed:
			return err
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return &failure{step: "get ready", err: fmt.Errorf("%s/healthcheck did not answer 200 within 10 s", s.url)}
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

// scheme is how the server's address begins.
func (c *Config) scheme() string {
	if c.TLSCert != "" {
		return "https://"
	}
	return "http://"
}

// healthy reports whether GET /healthcheck answers 200 at address. It asks this machine only and tells nothing, so it
// takes any certificate: the server's need not be for this name.
func healthy(ctx context.Context, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/healthcheck", http.NoBody)
	if err != nil {
		return false
	}
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // G402: see above
	}}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}
