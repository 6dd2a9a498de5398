package tenancy

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"time"
)

// timeFormat is upstream's: UTC without saying so, whole seconds.
const timeFormat = "2006-01-02T15:04:05"

// MarshalJSON is the tenant as the management API shows it: no JWT secret, no key set, no database password, and the other
// connection settings as ciphertext.
func (t *Tenant) MarshalJSON() ([]byte, error) {
	extensions := make([]map[string]any, 0, len(t.Extensions))
	for _, e := range t.Extensions {
		settings := maps.Clone(e.Settings)
		delete(settings, "db_password")
		extensions = append(extensions, map[string]any{
			"type":        e.Type,
			"settings":    settings,
			"inserted_at": stamp(e.InsertedAt),
			"updated_at":  stamp(e.UpdatedAt),
		})
	}
	var name any
	if t.Name != "" {
		name = t.Name
	}
	b, err := json.Marshal(map[string]any{
		"id":                                    t.ID,
		"external_id":                           t.ExternalID,
		"name":                                  name,
		"max_concurrent_users":                  t.Limits.ConcurrentUsers,
		"max_channels_per_client":               t.Limits.ChannelsPerClient,
		"max_events_per_second":                 t.Limits.EventsPerSecond,
		"max_joins_per_second":                  t.Limits.JoinsPerSecond,
		"inserted_at":                           stamp(t.InsertedAt),
		"extensions":                            extensions,
		"private_only":                          t.PrivateOnly,
		"max_client_presence_events_per_window": t.ClientPresence.MaxEvents,
		"client_presence_window_ms":             t.ClientPresence.WindowMS,
		"presence_enabled":                      t.PresenceEnabled,
	})
	if err != nil {
		return nil, fmt.Errorf("show tenant %q: %w", t.ExternalID, err)
	}
	return b, nil
}

func stamp(t time.Time) string { return t.UTC().Format(timeFormat) }

// String is the external_id, so that no formatting verb shows more of a tenant by accident.
func (t *Tenant) String() string { return t.ExternalID }

// LogValue is the external_id, for slog.
func (t *Tenant) LogValue() slog.Value { return slog.StringValue(t.ExternalID) }
