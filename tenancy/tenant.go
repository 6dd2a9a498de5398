package tenancy

import (
	"encoding/json"
	"time"

	"realtime/postgres"
	"realtime/protocol/codes"
)

// Tenant is one row with its extensions. It is immutable once handed out, so any goroutine may read it.
type Tenant struct {
	ID         string // uuid of the row
	ExternalID string // what requests name
	Name       string
	Limits     Limits // what counts now: defaults of the environment filled in

	Suspend         bool // nobody may connect
	PrivateOnly     bool // no public channels
	PresenceEnabled bool // presence is on for every channel

	Extensions   []Extension
	JWKS         json.RawMessage // {"keys":[…]} as stored; nil if none
	FeatureFlags map[string]bool // overrides of this tenant

	CDCDefault       string
	BroadcastAdapter string
	MigrationsRan    int
	ClientPresence   ClientPresence
	InsertedAt       time.Time
	UpdatedAt        time.Time

	keys *keys    // what tokens are verified with
	env  *facts   // what the environment says for all tenants
	gcm  backfill // what GCM still has to take over
}

// ClientPresence holds the two presence columns as stored; nil means the environment's default.
type ClientPresence struct {
	MaxEvents *int
	WindowMS  *int
}

// Extension is one row of extensions. Settings are as stored: the db_* keys hold ciphertext.
type Extension struct {
	ID         string
	Type       string
	Settings   map[string]any // numbers are json.Number
	InsertedAt time.Time
	UpdatedAt  time.Time
}

// Database is where a tenant's data is, decrypted.
type Database struct {
	Settings       postgres.Settings
	Publication    string // of postgres_changes
	Slot           string // replication slot of postgres_changes
	MessagesSlot   string // replication slot of realtime.messages
	MaxRecordBytes int    // larger rows are cut
	PoolSize       int    // connections for authorization and replay
}

// Fingerprint names the tenant's JWT secret in eight hexadecimal digits, "" without one. It is safe to log.
func (t *Tenant) Fingerprint() string { return "" }

// Database decrypts the settings of the tenant's Postgres. The error says which setting is wrong and why, never its value.
func (t *Tenant) Database() (Database, error) {
	return Database{}, codes.New(codes.UnableToConnectToProject, "")
}
