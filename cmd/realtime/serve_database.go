package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"realtime/postgres"
	"realtime/postgres/embedded"
	"realtime/protocol/codes"
	"realtime/tenancy"
)

// openDatabase starts the embedded database, or takes the one that DB_HOST names.
func (s *server) openDatabase(ctx context.Context) error {
	if !s.c.Embedded() {
		s.database = s.c.DB.settings(s.c)
		return nil
	}
	var err error
	if s.dir, err = dataDirOf(s.c); err != nil {
		return err
	}
	if err := s.dir.create(); err != nil {
		return err
	}
	pg, err := embedded.Start(ctx, embedded.Options{
		DataDir: s.dir.postgres(), BinDir: s.c.PGBin, Log: s.log, Progress: s.progress,
	})
	if err != nil {
		return s.databaseFailure(err)
	}
	s.onStop("database", databaseLimit, pg.Stop)
	go func() { // ends with the database, at the latest in stop
		<-pg.Done()
		if err := pg.Err(); err != nil {
			s.fail(&failure{step: "run the embedded database", err: err, mend: "its log is " + s.dir.postgres() + "/postgres.log"})
		}
	}()
	secrets, err := ensureSecrets(s.dir)
	if err != nil {
		return err
	}
	s.c.fill(secrets)
	s.databaseURL = pg.URL()
	if s.database, err = postgres.ParseURL(s.databaseURL); err != nil {
		return &failure{step: "read the embedded database's address", err: err}
	}
	s.database.ApplicationName = "realtime_" + s.c.AppName
	return nil
}

// databaseFailure adds to an error of the embedded database what to type next.
func (s *server) databaseFailure(err error) error {
	f := &failure{step: "start the embedded database", err: err}
	switch {
	case errors.Is(err, embedded.ErrNoBinaries): // says itself what to install
	case errors.Is(err, embedded.ErrInUse):
		f.mend = "stop that server, or give this one a folder of its own: REALTIME_DATA_DIR=/path/to/another/folder"
		if st, serr := readState(s.dir); serr == nil {
			f.err = fmt.Errorf("%s is in use by another realtime, process id %d, which has served %s since %s",
				s.dir, st.PID, st.URL, st.Started.Local().Format(time.DateTime))
		}
	}
	return f
}

// openStore opens the tenant rows and brings their schema up to date.
func openStore(ctx context.Context, c *Config, db postgres.Settings, log *slog.Logger) (*tenancy.Store, error) {
	cipher, err := tenancy.NewCipher(c.EncKey, c.EncKeyGCM, c.WriteGCM)
	if err != nil {
		return nil, &failure{step: "prepare the encryption of secrets", err: err, mend: "check DB_ENC_KEY and DB_ENC_KEY_GCM"}
	}
	validators, err := tenancy.ParseValidators(c.ClaimValidators)
	if err != nil {
		return nil, &failure{step: "read JWT_CLAIM_VALIDATORS", err: err}
	}
	schema, err := tenancy.SearchPathSchema(c.DB.AfterConnect)
	if err != nil {
		return nil, &failure{step: "read DB_AFTER_CONNECT_QUERY", err: err}
	}
	store, err := tenancy.OpenStore(ctx, db, tenancy.StoreOptions{
		Cipher: cipher, Schema: schema, PoolSize: c.DB.PoolSize, Timeout: c.DB.Wait, Defaults: c.rowDefaults(),
		Validators: validators, SlotSuffix: c.SlotSuffix, Known: c.knownSecrets(), Log: log,
	})
	if err != nil {
		f := &failure{step: "open the tenant rows", err: err}
		if !c.Embedded() {
			f.mend = fmt.Sprintf("check DB_HOST=%s, DB_PORT=%d, DB_NAME=%s, DB_USER=%s and DB_PASSWORD, and that this role may create a schema",
				c.DB.Host, c.DB.Port, c.DB.Name, c.DB.User)
		}
		return nil, f
	}
	return store, nil
}

// knownSecrets are those that people sign a tenant's tokens with by mistake.
func (c *Config) knownSecrets() []tenancy.KnownSecret {
	return []tenancy.KnownSecret{
		{Name: "API_JWT_SECRET", Secret: postgres.Secret(c.JWTSecret)},
		{Name: "METRICS_JWT_SECRET", Secret: postgres.Secret(c.MetricsSecret)},
	}
}

// rowDefaults are the limits of rows that name none.
func (c *Config) rowDefaults() tenancy.Limits {
	l := c.Limits.Apply(tenancy.DefaultLimits())
	if c.PresenceCalls != nil {
		l.PresencePerWindow = *c.PresenceCalls
	}
	if c.PresenceWindow > 0 {
		l.PresenceWindow = c.PresenceWindow
	}
	return l
}

// openTenants opens the rows and seeds the self-host tenant.
func (s *server) openTenants(ctx context.Context) error {
	var err error
	if s.store, err = openStore(ctx, s.c, s.database, s.log); err != nil {
		return err
	}
	s.onStop("tenants", storeLimit, func(context.Context) error { s.store.Close(); return nil })
	s.tenants = tenancy.NewCache(s.store, s.c.TenantTTL)
	s.tenant = s.c.TenantName()
	if s.c.SeedTenant() {
		if err := s.seed(ctx); err != nil {
			return err
		}
	}
	if err := s.store.Check(ctx); err != nil { // names the tenants, who are refused; the others are served
		s.log.Error("tenant rows that cannot be used", "err", err)
	}
	return nil
}

// prepareTenant makes what users' SQL needs in the self-host tenant's database, before the first of them connects: policies
// and triggers are written first. A failure costs private channels and stored messages; the rest is served.
func (s *server) prepareTenant(ctx context.Context) error {
	if !s.c.SeedTenant() {
		return nil
	}
	t, err := s.tenants.Get(ctx, s.tenant)
	if err == nil {
		err = s.system.Keep(ctx, t)
	}
	if err != nil {
		s.log.Error("the tenant's database is not ready for private channels", "tenant", s.tenant, "code", string(codes.Of(err).Code), "err", err)
	}
	return nil
}

// seed makes the self-host tenant, or brings it in line with the environment.
func (s *server) seed(ctx context.Context) error {
	secret, err := s.seedSecret(ctx)
	if err != nil {
		return err
	}
	var keys json.RawMessage
	if s.c.JWKS != "" {
		keys = json.RawMessage(s.c.JWKS)
	}
	_, err = tenancy.Seed(ctx, s.store, tenancy.SeedOptions{
		ExternalID: s.tenant, JWTSecret: secret, JWKS: keys, Database: s.database,
		SSLEnforced: s.c.DB.SSL, Region: s.c.Region, Limits: s.c.Limits, Report: func(ch tenancy.SeedChange) { s.reportSeed(ctx, ch) },
	})
	if err != nil {
		return &failure{step: fmt.Sprintf("seed tenant %q", s.tenant), err: err}
	}
	return nil
}

// upstreamSecret is what the original seeds its self-host tenant with when it is
// told no secret.
const upstreamSecret = "super-secret-jwt-token-with-at-least-32-characters-long"

// seedSecret is the secret to write to the tenant's row: "" leaves the one that
// is there. The original's public one is used where the original would, on a
// database of one's own without any other key, and never to replace one.
func (s *server) seedSecret(ctx context.Context) (string, error) {
	if s.c.JWTSecret != "" || s.c.JWKS != "" {
		return s.c.JWTSecret, nil
	}
	_, err := s.store.Get(ctx, s.tenant)
	if err == nil {
		return "", nil
	}
	if codes.Of(err).Code != codes.TenantNotFound {
		return "", &failure{step: fmt.Sprintf("look for tenant %q", s.tenant), err: err}
	}
	s.log.Warn("API_JWT_SECRET is not set: the tenant gets upstream's secret, which is public; anybody can sign tokens", "tenant", s.tenant)
	return upstreamSecret, nil
}

// reportSeed says what became of one column of the tenant's row; what a person
// changed by hand and the environment says otherwise deserves a second look.
func (s *server) reportSeed(ctx context.Context, ch tenancy.SeedChange) {
	level := slog.LevelDebug
	switch ch.Action {
	case tenancy.SeedUpdated:
		level = slog.LevelInfo
	case tenancy.SeedKept:
		level = slog.LevelWarn
	}
	s.log.Log(ctx, level, "tenant seed", "tenant", s.tenant, "column", ch.Column, "action", ch.Action, "detail", ch.Detail)
}
