package tenancy

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"time"

	"realtime/postgres"
)

// Names and defaults of upstream for what a tenant's settings leave open.
const (
	DefaultPublication    = "supabase_realtime"
	DefaultSlot           = "supabase_realtime_replication_slot"
	messagesSlot          = "supabase_realtime_messages_replication_slot_" // the underscore stays if there is no suffix
	defaultMaxRecordBytes = 1 << 20
	defaultPoolSize       = 1
	slotBytes             = 63 // NAMEDATALEN - 1
)

// Database is where a tenant's data is, decrypted.
type Database struct {
	Settings       postgres.Settings
	Publication    string // of postgres_changes
	Slot           string // replication slot of postgres_changes
	MessagesSlot   string // replication slot of realtime.messages
	MaxRecordBytes int    // larger rows are cut
	PoolSize       int    // connections for authorization and replay
}

// Database decrypts the settings of the tenant's Postgres. The error names the setting that is wrong and says why; it holds no
// value. TLS follows ssl_enforced, which counts as true unless it is the boolean false: then the connection is encrypted, but
// the certificate is not verified, because there is no place for an authority in the settings.
func (t *Tenant) Database() (Database, error) {
	for _, e := range t.Extensions {
		if e.Type == cdcType {
			return e.database(t.ExternalID, t.env)
		}
	}
	return Database{}, fmt.Errorf("read database of tenant %q: it has no %s extension", t.ExternalID, cdcType)
}

// Region is where the tenant's database is, as its settings say.
func (t *Tenant) Region() (string, bool) {
	for _, e := range t.Extensions {
		if r, ok := e.Settings["region"].(string); ok && e.Type == cdcType && r != "" {
			return r, true
		}
	}
	return "", false
}

// maxFlushInterval is the longest that broadcasts may be gathered.
const maxFlushInterval = time.Second

// FlushInterval is how long the tenant's Channels gather what they send after each flush (flush_interval_ms in the settings of its
// database): from 0, which is not at all, to a second. ok is false if its settings do not say.
func (t *Tenant) FlushInterval() (d time.Duration, ok bool) {
	for i := range t.Extensions {
		e := &t.Extensions[i]
		n, given := e.Settings["flush_interval_ms"].(json.Number)
		if e.Type != cdcType || !given {
			continue
		}
		if ms, err := n.Float64(); err == nil && ms >= 0 {
			return min(time.Duration(ms*float64(time.Millisecond)), maxFlushInterval), true
		}
	}
	return 0, false
}

// HasDatabase reports whether the tenant names a Postgres at all.
func (t *Tenant) HasDatabase() bool {
	return slices.ContainsFunc(t.Extensions, func(e Extension) bool { return e.Type == cdcType })
}

func (e *Extension) database(tenant string, env *environment) (Database, error) {
	plain := map[string]string{}
	for _, name := range encryptedSettings {
		stored, ok := e.Settings[name].(string)
		if !ok {
			return Database{}, fmt.Errorf("read %s of tenant %q: the setting is missing or not a string", name, tenant)
		}
		text, err := env.cipher.Decrypt(stored)
		if err != nil {
			return Database{}, fmt.Errorf("read %s of tenant %q: %w", name, tenant, err)
		}
		plain[name] = text
	}
	port, err := strconv.ParseUint(plain["db_port"], 10, 16)
	if err != nil || port == 0 {
		return Database{}, fmt.Errorf("read db_port of tenant %q: not a port number", tenant)
	}
	d := Database{
		Settings: postgres.Settings{
			Host: plain["db_host"], Port: int(port), Database: plain["db_name"],
			User: plain["db_user"], Password: postgres.Secret(plain["db_password"]),
			TLS: postgres.TLS{Mode: postgres.TLSRequire},
		},
		Publication:    e.text("publication", DefaultPublication),
		Slot:           e.text("slot_name", DefaultSlot),
		MessagesSlot:   messagesSlot + env.slotSuffix,
		MaxRecordBytes: e.number("poll_max_record_bytes", defaultMaxRecordBytes),
		PoolSize:       e.number("db_pool", defaultPoolSize),
	}
	if enforced, ok := e.Settings["ssl_enforced"].(bool); ok && !enforced {
		d.Settings.TLS.Mode = postgres.TLSDisable
	}
	if env.slotSuffix != "" {
		d.Slot += "_" + env.slotSuffix
	}
	if len(d.Slot) > slotBytes {
		return Database{}, fmt.Errorf("read slot_name of tenant %q: with its suffix it is longer than %d bytes", tenant, slotBytes)
	}
	return d, nil
}

// text is a string setting, or otherwise if it is absent, empty or something else.
func (e *Extension) text(name, otherwise string) string {
	if s, ok := e.Settings[name].(string); ok && s != "" {
		return s
	}
	return otherwise
}

// number is a positive numeric setting, or otherwise.
func (e *Extension) number(name string, otherwise int) int {
	n, ok := e.Settings[name].(json.Number)
	if !ok {
		return otherwise
	}
	f, err := n.Float64()
	if err != nil || f < 1 || f > math.MaxInt32 {
		return otherwise
	}
	return int(f)
}

var suffixPattern = regexp.MustCompile(`^[a-z0-9_]*$`)

// CheckSlotSuffix says whether SLOT_NAME_SUFFIX may be s: lower-case letters, digits and underscores, and short enough that no
// slot's name exceeds what Postgres keeps, because a name cut short would be another server's.
func CheckSlotSuffix(s string) error {
	if !suffixPattern.MatchString(s) {
		return fmt.Errorf("check SLOT_NAME_SUFFIX: %q may hold lower-case letters, digits and underscores only", cut(s))
	}
	if most := slotBytes - len(messagesSlot); len(s) > most {
		return fmt.Errorf("check SLOT_NAME_SUFFIX: %q is longer than %d bytes", cut(s), most)
	}
	return nil
}
