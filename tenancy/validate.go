package tenancy

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// column says how the JSON value of one key becomes a column's value. Like upstream's it is lenient: a number or a boolean may
// come as text, and text of nothing but white space is null.
type column struct {
	cast     func(raw json.RawMessage) (value any, ok bool)
	required bool // null is refused: the column is not null and has no default of the environment
}

// columns are the keys that a write accepts, extensions apart.
var columns = map[string]column{
	"name":                                  {cast: castText},
	"external_id":                           {cast: castText},
	"jwt_secret":                            {cast: castText},
	"jwt_jwks":                              {cast: castObject},
	"max_concurrent_users":                  {cast: castInt},
	"max_events_per_second":                 {cast: castInt},
	"postgres_cdc_default":                  {cast: castText},
	"max_bytes_per_second":                  {cast: castInt},
	"max_channels_per_client":               {cast: castInt},
	"max_joins_per_second":                  {cast: castInt},
	"max_presence_events_per_second":        {cast: castInt},
	"max_payload_size_in_kb":                {cast: castInt},
	"suspend":                               {cast: castBool},
	"private_only":                          {cast: castBool, required: true},
	"migrations_ran":                        {cast: castInt},
	"broadcast_adapter":                     {cast: castAdapter},
	"max_client_presence_events_per_window": {cast: castInt},
	"client_presence_window_ms":             {cast: castInt},
	"presence_enabled":                      {cast: castBool, required: true},
	"feature_flags":                         {cast: castObject, required: true},
}

func isNull(raw json.RawMessage) bool { return string(raw) == "null" }

func castText(raw json.RawMessage) (any, bool) {
	if isNull(raw) {
		return nil, true
	}
	var s string
	if json.Unmarshal(raw, &s) != nil || !storable(s) {
		return nil, false
	}
	if strings.TrimSpace(s) == "" {
		return nil, true
	}
	return s, true
}

func castInt(raw json.RawMessage) (any, bool) {
	if isNull(raw) {
		return nil, true
	}
	text := string(raw)
	var s string
	if json.Unmarshal(raw, &s) == nil {
		if text = s; strings.TrimSpace(text) == "" {
			return nil, true
		}
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return nil, false
	}
	return int(n), true
}

func castBool(raw json.RawMessage) (any, bool) {
	switch string(raw) {
	case "null", `""`:
		return nil, true
	case "true", `"true"`, `"1"`:
		return true, true
	case "false", `"false"`, `"0"`:
		return false, true
	}
	return nil, false
}

func castObject(raw json.RawMessage) (any, bool) {
	if isNull(raw) {
		return nil, true
	}
	if !jsonObject(raw) || !jsonStorable(raw) {
		return nil, false
	}
	return raw, true
}

func castAdapter(raw json.RawMessage) (any, bool) {
	v, ok := castText(raw)
	if ok && v != nil && v != "gen_rpc" && v != "phoenix" {
		return nil, false
	}
	return v, ok
}

// storable reports whether Postgres takes s as text: UTF-8 without NUL.
func storable(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

// jsonStorable reports whether Postgres takes raw as jsonb, which refuses what cannot be text.
func jsonStorable(raw []byte) bool {
	if !utf8.Valid(raw) {
		return false
	}
	var v any
	return decodeJSON(raw, &v) == nil && textsStorable(v)
}

func textsStorable(v any) bool {
	switch x := v.(type) {
	case string:
		return storable(x)
	case json.Number:
		f, err := x.Float64()
		return err == nil && !math.IsInf(f, 0)
	case []any:
		for _, e := range x {
			if !textsStorable(e) {
				return false
			}
		}
	case map[string]any:
		for name, e := range x {
			if !storable(name) || !textsStorable(e) {
				return false
			}
		}
	}
	return true
}

// encryptedSettings are the settings that are stored as ciphertext; requiredSettings adds the one that is not.
var (
	encryptedSettings = []string{"db_host", "db_name", "db_user", "db_port", "db_password"}
	requiredSettings  = append([]string{"region"}, encryptedSettings...)
)

// defaultSettings are what a written extension's settings are laid over.
func defaultSettings() map[string]any {
	return map[string]any{
		"poll_interval_ms":      json.Number("100"),
		"poll_max_changes":      json.Number("100"),
		"poll_max_record_bytes": json.Number("1048576"),
		"publication":           DefaultPublication,
		"slot_name":             DefaultSlot,
	}
}

// readExtensions reads the list of extensions. A tenant made through its own address drops entries that lack type or settings,
// as upstream does; everywhere else they are errors.
func (c *Change) readExtensions(fields map[string]json.RawMessage, o ChangeOptions, problems Invalid) {
	raw, named := fields["extensions"]
	if !named {
		if o.Current == nil && o.ExternalID != "" {
			problems.add("extensions", blank)
		}
		return
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil || list == nil {
		problems.add("extensions", invalid)
		return
	}
	c.replace = true
	found := make([]Invalid, 0, len(list))
	bad, seen := false, map[string]bool{}
	for _, entry := range list {
		e, p := readExtension(entry)
		if o.Current == nil && o.ExternalID != "" && (e.kind == "" || e.settings == nil) && jsonObject(entry) {
			continue
		}
		if len(p) == 0 && seen[e.kind] {
			p.add("tenant_external_id", taken)
		}
		seen[e.kind] = true
		bad = bad || len(p) > 0
		found = append(found, p)
		c.extensions = append(c.extensions, e)
	}
	if bad {
		problems["extensions"] = found
	}
}

// readExtension checks one entry and lays its settings over the defaults.
func readExtension(raw json.RawMessage) (e newExtension, problems Invalid) {
	problems = Invalid{}
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil || fields == nil {
		problems.add("type", invalid)
		return e, problems
	}
	e.kind = readType(fields["type"], problems)
	settings, named := fields["settings"]
	switch {
	case !named || isNull(settings):
		problems.add("settings", blank)
		return e, problems
	case !jsonObject(settings) || !jsonStorable(settings):
		problems.add("settings", invalid)
		return e, problems
	}
	e.settings = defaultSettings()
	if decodeJSON(settings, &e.settings) != nil { // decoding into a map adds to it
		problems.add("settings", invalid)
		return e, problems
	}
	if pool, ok := e.settings["postgres_changes_pool"]; ok { // the API's name for a key that is misspelt for good
		delete(e.settings, "postgres_changes_pool")
		e.settings["subcriber_pool_size"] = pool
	}
	for _, name := range requiredSettings {
		if v := e.settings[name]; v == nil {
			problems.add("settings", name+" "+blank)
		} else if _, ok := v.(string); !ok {
			problems.add("settings", name+" "+invalid)
		}
	}
	return e, problems
}

// readType accepts the live type and its old name. Any other is refused: nothing would say which of its settings to encrypt.
func readType(raw json.RawMessage, problems Invalid) string {
	if raw == nil {
		raw = json.RawMessage("null")
	}
	v, ok := castText(raw)
	switch {
	case ok && v == nil:
		problems.add("type", blank)
		return ""
	case v == cdcType || v == oldCDCType:
		return cdcType
	}
	problems.add("type", invalid)
	return "unknown"
}
