package main

import (
	"cmp"
	"context"
	"errors"
	"regexp"
	"runtime"

	"github.com/prometheus/client_golang/prometheus/collectors"

	"realtime/actors"
	"realtime/postgres"
	"realtime/tenancy"
	"realtime/web"
)

// connectsPerProcessor is how many connections a second are accepted unless REALTIME_MAX_CONNECTS_PER_SECOND says so.
const connectsPerProcessor = 400

// liveHeap adds what the last collection of garbage found in use, by which the memory of subscriptions is weighed.
var liveHeap = collectors.GoRuntimeMetricsRule{Matcher: regexp.MustCompile(`^/gc/heap/live:bytes$|^/gc/cycles/total:gc-cycles$`)}

// startActors starts everything that is alive between two requests.
func (s *server) startActors(context.Context) error {
	s.registry.MustRegister(collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(liveHeap)), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if m := newMachine("/proc", "/sys/fs/cgroup", s.c.PollRate); m != nil {
		s.registry.MustRegister(m)
	}
	var err error
	s.system, err = actors.New(actors.Options{
		Log: s.log, Tracer: s.tracer, Metrics: s.registry, TenantMetrics: s.tenantRegistry, MetricsCleaner: s.c.MetricsCleaner, Lookup: s.tenants.Get,
		JoinPause: s.c.JoinPause, NoChannelTimeout: s.c.NoChannelTimeout, AccessTokenThrottle: s.c.TokenThrottle,
		FlushInterval: s.c.FlushInterval, EarlySubscribed: s.c.EarlySubscribed, DurableSlot: s.c.Slot == "durable", Upkeep: s.c.Upkeep,
	})
	if err != nil {
		return &failure{step: "start the actors", err: err}
	}
	s.onStop("sockets", actorsLimit, func(ctx context.Context) error {
		s.system.Drain(ctx)
		if s.door == nil {
			return nil
		}
		return s.door.Wait(ctx)
	})
	return nil
}

// startWeb opens the door that listen has taken.
func (s *server) startWeb(context.Context) error {
	validators, err := tenancy.ParseValidators(s.c.ClaimValidators)
	if err != nil {
		return &failure{step: "read JWT_CLAIM_VALIDATORS", err: err}
	}
	door, err := web.NewServer(web.Options{
		Log: s.log, Tracer: s.tracer, Propagator: propagators(s.p.environment()["OTEL_PROPAGATORS"]), System: s.system, Registry: s.registry, TenantRegistry: s.tenantRegistry, Version: versionText(),
		Resolver: &tenancy.Resolver{
			Cache: s.tenants, SelfHostName: s.c.Tenant, TrustHeader: s.c.TenantHeader, Hosts: s.c.TenantHosts,
		},
		ConnectPause: s.c.ConnectPause, MaxHeaderBytes: s.c.MaxHeaderBytes, MaxConnections: s.c.MaxConnections,
		ConnectRate: cmp.Or(s.c.ConnectRate, connectsPerProcessor*runtime.GOMAXPROCS(0)),
		Store:       s.store, APISecrets: []postgres.Secret{postgres.Secret(s.c.JWTSecret), postgres.Secret(s.c.JWTSecretNext)}, APIBlocklist: s.c.APIBlocklist,
		MetricsSecret: postgres.Secret(s.c.MetricsSecret), MetricsBlocklist: s.c.MetricsBlocklist, Validators: validators,
		QuietHealth: s.c.QuietHealth, RequestIDKey: s.c.RequestIDKey, Region: s.c.Region, Node: s.node(),
	})
	if err != nil {
		return &failure{step: "prepare the web server", err: err}
	}
	s.door = door
	served := make(chan struct{})
	go func() { // ends with Shutdown
		defer close(served)
		if err := door.Serve(s.listener); err != nil {
			s.fail(&failure{step: "serve", err: err})
		}
	}()
	s.onStop("web", webLimit, func(ctx context.Context) error {
		err := door.Shutdown(ctx)
		select {
		case <-served:
			return err
		case <-ctx.Done():
			return errors.Join(err, context.Cause(ctx))
		}
	})
	return nil
}
