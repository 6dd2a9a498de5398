package tenancy

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// Change is one validated write of a tenant: the columns that the request names, and nothing else. Immutable.
type Change struct {
	externalID string
	columns    map[string]any // column to string, int, bool, json.RawMessage or nil; jwt_secret in clear
	extensions []newExtension // settings in clear
	replace    bool           // the request names extensions: they take the place of all that are stored
}

type newExtension struct {
	kind     string
	settings map[string]any
}

// ExternalID is the tenant that the change is for.
func (c *Change) ExternalID() string { return c.externalID }

// Columns are the names of the columns that the change writes, sorted; "extensions" stands for those.
func (c *Change) Columns() []string {
	names := make([]string, 0, len(c.columns)+1)
	for name := range c.columns {
		names = append(names, name)
	}
	if c.replace {
		names = append(names, "extensions")
	}
	slices.Sort(names)
	return names
}

// ChangeOptions say what a change is measured against.
type ChangeOptions struct {
	Current *Tenant // the row as it is; nil for a new one
	// ExternalID is the tenant that the address names. A new one then gets it as external_id and name, whatever the body says.
	ExternalID string
	Defaults   Limits // of the environment, for limits that nobody gives; zero is DefaultLimits
}

// Invalid is a refused write: the value of "errors" in a 422 answer, per field a list of messages, and for extensions a list of
// such objects. It marshals as that object.
type Invalid map[string]any

// Error names the fields.
func (i Invalid) Error() string {
	names := make([]string, 0, len(i))
	for name := range i {
		names = append(names, name)
	}
	slices.Sort(names)
	return "check tenant: invalid " + strings.Join(names, ", ")
}

func (i Invalid) add(field, message string) {
	list, _ := i[field].([]string)
	i[field] = append(list, message)
}

// Messages of upstream.
const (
	blank     = "can't be blank"
	invalid   = "is invalid"
	taken     = "has already been taken"
	needsKeys = "either jwt_secret or jwt_jwks must be provided"
)

// ErrNotObject is what ParseChange says of a body whose tenant is not a JSON object.
var ErrNotObject = errors.New("parse tenant: not a JSON object")

// ParseChange reads the value of "tenant" in a request's body and checks it by upstream's rules. Keys it does not know are
// ignored. The error is an Invalid, or ErrNotObject.
func ParseChange(tenant []byte, o ChangeOptions) (*Change, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(tenant, &fields); err != nil || fields == nil {
		return nil, ErrNotObject
	}
	if o.Defaults == (Limits{}) {
		o.Defaults = DefaultLimits()
	}
	problems := Invalid{}
	c := &Change{columns: map[string]any{}}
	for name, col := range columns {
		raw, ok := fields[name]
		if !ok {
			continue
		}
		value, ok := col.cast(raw)
		if !ok || value == nil && col.required {
			problems.add(name, invalid)
			continue
		}
		c.columns[name] = value
	}
	c.identify(o, problems)
	c.fillLimits(o)
	c.checkKeys(o, problems)
	c.readExtensions(fields, o, problems)
	if len(problems) > 0 {
		return nil, problems
	}
	return c, nil
}

// identify settles which tenant the change is for. external_id itself never changes: the extensions refer to it.
func (c *Change) identify(o ChangeOptions, problems Invalid) {
	given, named := c.columns["external_id"]
	text, _ := given.(string)
	delete(c.columns, "external_id")
	switch {
	case o.Current != nil:
		c.externalID = o.Current.ExternalID
		if named && text == "" {
			problems.add("external_id", blank)
		} else if named && text != c.externalID {
			problems.add("external_id", invalid)
		}
	case o.ExternalID != "":
		c.externalID = o.ExternalID
		c.columns["name"] = o.ExternalID
		if !storable(o.ExternalID) {
			problems.add("external_id", invalid)
		}
	case text == "" && problems["external_id"] == nil:
		problems.add("external_id", blank)
	default:
		c.externalID = text
	}
}

// fillLimits gives the five limits of the environment to a new row, and to a row whose limit is set to null. Zero is a value.
func (c *Change) fillLimits(o ChangeOptions) {
	for name, value := range map[string]int{
		"max_bytes_per_second":    o.Defaults.BytesPerSecond,
		"max_channels_per_client": o.Defaults.ChannelsPerClient,
		"max_concurrent_users":    o.Defaults.ConcurrentUsers,
		"max_events_per_second":   o.Defaults.EventsPerSecond,
		"max_joins_per_second":    o.Defaults.JoinsPerSecond,
	} {
		given, named := c.columns[name]
		if named && given == nil || !named && o.Current == nil {
			c.columns[name] = value
		}
	}
}

// checkKeys wants something to verify tokens with, in the row as it will be.
func (c *Change) checkKeys(o ChangeOptions, problems Invalid) {
	if problems["jwt_secret"] != nil || problems["jwt_jwks"] != nil {
		return
	}
	secret, jwks := false, false
	if o.Current != nil {
		secret, jwks = o.Current.secret != "", o.Current.JWKS != nil
	}
	if v, named := c.columns["jwt_secret"]; named {
		secret = v != nil
	}
	if v, named := c.columns["jwt_jwks"]; named {
		jwks = v != nil
	}
	if !secret && !jwks {
		problems.add("jwt_secret", needsKeys)
	}
}
