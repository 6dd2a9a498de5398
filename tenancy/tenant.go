package tenancy

import (
	"encoding/json"
	"fmt"
	"time"
)

// Tenant is one row with its extensions. It is immutable once handed out, so any goroutine may read it.
type Tenant struct {
	ID         string // uuid of the row
	ExternalID string // what requests name
	Name       string // for people; "" if null
	Limits     Limits // what counts now: the environment's defaults stand in for null columns

	Suspend         bool // nobody may connect
	PrivateOnly     bool // no public channels
	PresenceEnabled bool // presence is on for every channel

	Extensions   []Extension
	JWKS         json.RawMessage // {"keys":[…]} as stored, in clear; nil if none
	FeatureFlags map[string]bool // this tenant's own answers

	CDCDefault       string
	BroadcastAdapter string
	MigrationsRan    int            // upstream's cached count; nothing here reads it
	ClientPresence   ClientPresence // the columns behind Limits.PresencePerWindow and PresenceWindow
	InsertedAt       time.Time      // UTC, whole seconds, as UpdatedAt
	UpdatedAt        time.Time

	secret string // jwt_secret as stored, "" if null
	keys   *keys
	env    *environment
	gcm    bool // gcm_migrated_at is set
}

// ClientPresence holds the two presence columns as stored; nil means the environment's default.
type ClientPresence struct {
	MaxEvents *int
	WindowMS  *int
}

// Extension is one row of extensions. Settings are as stored: those named in encryptedSettings hold ciphertext.
type Extension struct {
	ID         string
	Type       string
	Settings   map[string]any // numbers are json.Number
	InsertedAt time.Time
	UpdatedAt  time.Time
}

// cdcType is the one live type of extension. oldCDCType is what it was called before 2022.
const (
	cdcType    = "postgres_cdc_rls"
	oldCDCType = "postgres"
)

// environment is what the process's settings say for all tenants.
type environment struct {
	cipher     *Cipher
	defaults   Limits
	validators Validators
	slotSuffix string
	known      []KnownSecret
	verified   verified
}

// Fingerprint names the tenant's JWT secret in eight hexadecimal digits, "" if it has none or it cannot be read. It is safe
// to log.
func (t *Tenant) Fingerprint() string { return t.keys.fingerprint }

// Check says what of the row cannot be used: a secret or a setting that does not decrypt, a JWKS without keys. It is what a
// server asks of every tenant when it starts, so that a wrong DB_ENC_KEY shows then and not at the first connect.
func (t *Tenant) Check() error {
	if t.keys.secretErr != nil {
		return fmt.Errorf("read jwt_secret of tenant %q: %w", t.ExternalID, t.keys.secretErr)
	}
	if t.keys.secret == nil && len(t.keys.set) == 0 {
		return fmt.Errorf("read keys of tenant %q: neither jwt_secret nor jwt_jwks holds a key", t.ExternalID)
	}
	for _, e := range t.Extensions {
		if e.Type != cdcType {
			continue
		}
		if _, err := t.Database(); err != nil {
			return err
		}
	}
	return nil
}

// finish fills in what a row does not hold itself.
func (t *Tenant) finish(env *environment) {
	t.env = env
	var plain string
	var err error
	if t.secret != "" {
		plain, err = env.cipher.Decrypt(t.secret)
	}
	t.keys = newKeys(plain, err, t.JWKS)
	t.Limits.PresencePerWindow = env.defaults.PresencePerWindow
	if n := t.ClientPresence.MaxEvents; n != nil {
		t.Limits.PresencePerWindow = *n
	}
	t.Limits.PresenceWindow = env.defaults.PresenceWindow
	if n := t.ClientPresence.WindowMS; n != nil {
		t.Limits.PresenceWindow = time.Duration(*n) * time.Millisecond
	}
}
