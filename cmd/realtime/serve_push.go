package main

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"realtime/postgres"
	"realtime/web"
)

// node is this server's name, in the form of upstream's.
func (s *server) node() string { return s.c.AppName + "@127.0.0.1" }

// startPush pushes metrics to where nobody can scrape them.
func (s *server) startPush(ctx context.Context) error {
	p := s.c.Push
	if !p.Enabled || p.URL == "" {
		return nil
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	over := make(chan struct{})
	go func() { // ends in stop
		defer close(over)
		web.Push(ctx, web.PushOptions{
			URL: p.URL, User: p.User, Auth: postgres.Secret(p.Auth), Interval: p.Interval, Timeout: p.Timeout,
			Plain: !p.Compress, ExtraLabels: p.Labels, Log: s.log, Parts: []prometheus.Gatherer{web.Labelled(s.registry, s.node(), s.c.Region), web.Labelled(s.tenantRegistry, s.node(), s.c.Region)},
		})
	}()
	s.onStop("metrics", storeLimit, func(context.Context) error {
		cancel()
		<-over
		return nil
	})
	return nil
}
