package tenancy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/google/uuid"

	"realtime/postgres"
)

// DefaultExternalID is SELF_HOST_TENANT_NAME when it is unset.
const DefaultExternalID = "realtime-dev"

// SeedOptions are what the environment dictates for the self-hosted tenant.
type SeedOptions struct {
	ExternalID string          // "" is DefaultExternalID
	JWTSecret  string          // API_JWT_SECRET; "" leaves what is stored
	JWKS       json.RawMessage // API_JWT_JWKS, a JSON object; nil leaves what is stored
	Database   postgres.Settings
	// SSLEnforced asks for TLS to Database. It turns TLS on in a stored row, never off: that is an operator's to do.
	SSLEnforced bool
	Region      string         // of a new row; "" is us-east-1
	Limits      LimitOverrides // TENANT_MAX_*: what is set is written, what is not stays, or is generous in a new row
	Report      func(SeedChange)
}

// SeedChange says what Seed did with one column, for the log.
type SeedChange struct {
	Column string // of tenants, or extensions.<setting>
	Action string // SeedCreated, SeedUpdated or SeedKept
	Detail string // what was and what is, for people; never a secret
}

// What Seed does with a column. Kept is said only of what an operator would want to know: a stored value that the environment
// contradicts, or that keeps everybody out.
const (
	SeedCreated = "created"
	SeedUpdated = "updated"
	SeedKept    = "kept"
)

// Seed makes the self-hosted tenant, or brings the stored one in line with the environment, and returns it. It touches nothing
// but what the environment dictates, so limits, flags and settings that somebody has set by hand stay, and the row is there at
// every moment. Every start may call it; two at once are safe.
func Seed(ctx context.Context, store *Store, o SeedOptions) (*Tenant, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	if err := store.seedFlag(ctx); err != nil {
		return nil, err
	}
	t, err := store.Get(ctx, o.ExternalID)
	if isNotFound(err) {
		t, err = store.seedNew(ctx, o)
		if _, raced := errors.AsType[Invalid](err); raced {
			t, err = store.Get(ctx, o.ExternalID) // another server was faster
		}
	}
	if err != nil {
		return nil, fmt.Errorf("seed tenant %q: %w", o.ExternalID, err)
	}
	if t, err = store.align(ctx, t, o); err != nil {
		return nil, fmt.Errorf("seed tenant %q: %w", o.ExternalID, err)
	}
	if t.Suspend {
		o.Report(SeedChange{"suspend", SeedKept, "the tenant is suspended: nobody can connect"})
	}
	return t, nil
}

// complete fills in defaults and checks what cannot be stored.
func (o *SeedOptions) complete() error {
	if o.ExternalID == "" {
		o.ExternalID = DefaultExternalID
	}
	if o.Region == "" {
		o.Region = "us-east-1"
	}
	if o.Report == nil {
		o.Report = func(SeedChange) {}
	}
	if o.Database.Port == 0 {
		o.Database.Port = 5432
	}
	if !storable(o.ExternalID) || !storable(o.JWTSecret) {
		return errors.New("seed tenant: name or secret is not UTF-8 text")
	}
	if o.JWKS != nil && (!jsonObject(o.JWKS) || !jsonStorable(o.JWKS)) {
		return errors.New("seed tenant: API_JWT_JWKS is not a JSON object")
	}
	return nil
}

// settings are the connection settings that the environment dictates, in clear.
func (o *SeedOptions) settings() map[string]string {
	d := o.Database
	return map[string]string{
		"db_host": d.Host, "db_port": strconv.Itoa(d.Port), "db_name": d.Database, "db_user": d.User, "db_password": d.Password.Reveal(),
	}
}

// limits are the columns of limits that the environment names.
func (o *SeedOptions) limits() map[string]int {
	named := map[string]int{}
	for name, v := range map[string]*int{
		"max_concurrent_users":    o.Limits.ConcurrentUsers,
		"max_events_per_second":   o.Limits.EventsPerSecond,
		"max_bytes_per_second":    o.Limits.BytesPerSecond,
		"max_channels_per_client": o.Limits.ChannelsPerClient,
		"max_joins_per_second":    o.Limits.JoinsPerSecond,
	} {
		if v != nil {
			named[name] = *v
		}
	}
	return named
}

// seedFlag makes the feature flag that lets GCM take over, as upstream's seed does, unless somebody has made it.
func (s *Store) seedFlag(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	_, err := s.pool.Exec(ctx, "insert into "+s.q.flags+` (id, name, enabled, inserted_at, updated_at)
		values ($1, $2, true, now() at time zone 'utc', now() at time zone 'utc') on conflict (name) do nothing`,
		uuid.NewString(), backfillFlag)
	if err != nil {
		return fmt.Errorf("seed feature flag: %w", err)
	}
	return nil
}

// seedNew inserts the tenant with generous limits.
func (s *Store) seedNew(ctx context.Context, o SeedOptions) (*Tenant, error) {
	if o.JWTSecret == "" && o.JWKS == nil {
		return nil, errors.New("neither API_JWT_SECRET nor API_JWT_JWKS is set")
	}
	l := o.Limits.Apply(GenerousLimits())
	c := &Change{externalID: o.ExternalID, replace: true, columns: map[string]any{
		"name":                           o.ExternalID,
		"max_concurrent_users":           l.ConcurrentUsers,
		"max_events_per_second":          l.EventsPerSecond,
		"max_bytes_per_second":           l.BytesPerSecond,
		"max_channels_per_client":        l.ChannelsPerClient,
		"max_joins_per_second":           l.JoinsPerSecond,
		"max_presence_events_per_second": l.PresenceEventsPerSecond,
	}}
	if o.JWTSecret != "" {
		c.columns["jwt_secret"] = o.JWTSecret
	}
	if o.JWKS != nil {
		c.columns["jwt_jwks"] = o.JWKS
	}
	if o.Database.Host != "" {
		c.extensions = []newExtension{{kind: cdcType, settings: o.newSettings()}}
	}
	t, _, err := s.Upsert(ctx, c)
	if err != nil {
		return nil, err
	}
	for _, name := range c.Columns() {
		o.Report(SeedChange{name, SeedCreated, ""})
	}
	return t, nil
}

// newSettings are the settings of a new extension, in clear.
func (o *SeedOptions) newSettings() map[string]any {
	settings := defaultSettings()
	for name, v := range o.settings() {
		settings[name] = v
	}
	settings["region"] = o.Region
	settings["ssl_enforced"] = o.SSLEnforced
	return settings
}
