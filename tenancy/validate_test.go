package tenancy

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	someKey = `"jwt_secret":"s"`
	// oneExtension is a valid list of extensions.
	oneExtension = `"extensions":[{"type":"postgres_cdc_rls","settings":{"db_host":"h","db_port":"1","db_name":"n","db_user":"u","db_password":"p","region":"r"}}]`
)

func TestParseChangeRefuses(t *testing.T) {
	existing := &Tenant{ExternalID: "acme", secret: "x"}
	for _, c := range []struct {
		name, body string
		o          ChangeOptions
		want       string // of the errors object
	}{
		{"no external_id", `{` + someKey + `}`, ChangeOptions{}, `{"external_id":["can't be blank"]}`},
		{"null external_id", `{"external_id":null,` + someKey + `}`, ChangeOptions{}, `{"external_id":["can't be blank"]}`},
		{"blank external_id", `{"external_id":"  ",` + someKey + `}`, ChangeOptions{}, `{"external_id":["can't be blank"]}`},
		{"external_id a number", `{"external_id":5,` + someKey + `}`, ChangeOptions{}, `{"external_id":["is invalid"]}`},
		{"external_id with NUL", `{"external_id":"a\u0000",` + someKey + `}`, ChangeOptions{}, `{"external_id":["is invalid"]}`},
		{"another external_id", `{"external_id":"other"}`, ChangeOptions{Current: existing}, `{"external_id":["is invalid"]}`},
		{"external_id taken away", `{"external_id":""}`, ChangeOptions{Current: existing}, `{"external_id":["can't be blank"]}`},
		{"address with NUL", `{` + someKey + `,` + oneExtension + `}`, ChangeOptions{ExternalID: "a\x00"}, `{"external_id":["is invalid"]}`},
		{"no keys", `{"external_id":"a"}`, ChangeOptions{}, `{"jwt_secret":["either jwt_secret or jwt_jwks must be provided"]}`},
		{"keys taken away", `{"jwt_secret":null}`, ChangeOptions{Current: existing}, `{"jwt_secret":["either jwt_secret or jwt_jwks must be provided"]}`},
		{"secret a number", `{"external_id":"a","jwt_secret":5}`, ChangeOptions{}, `{"jwt_secret":["is invalid"]}`},
		{"jwks a list", `{"external_id":"a","jwt_jwks":[]}`, ChangeOptions{}, `{"jwt_jwks":["is invalid"]}`},
		{"jwks with NUL", `{"jwt_jwks":{"a":["\u0000"]}}`, ChangeOptions{Current: existing}, `{"jwt_jwks":["is invalid"]}`},
		{"limit a word", `{"max_events_per_second":"many"}`, ChangeOptions{Current: existing}, `{"max_events_per_second":["is invalid"]}`},
		{"limit a fraction", `{"max_joins_per_second":1.5}`, ChangeOptions{Current: existing}, `{"max_joins_per_second":["is invalid"]}`},
		{"limit too large", `{"max_joins_per_second":2147483648}`, ChangeOptions{Current: existing}, `{"max_joins_per_second":["is invalid"]}`},
		{"flag a word", `{"suspend":"maybe"}`, ChangeOptions{Current: existing}, `{"suspend":["is invalid"]}`},
		{"flag null", `{"private_only":null}`, ChangeOptions{Current: existing}, `{"private_only":["is invalid"]}`},
		{"unknown adapter", `{"broadcast_adapter":"nats"}`, ChangeOptions{Current: existing}, `{"broadcast_adapter":["is invalid"]}`},
		{"extensions an object", `{"extensions":{}}`, ChangeOptions{Current: existing}, `{"extensions":["is invalid"]}`},
		{"extensions null", `{"extensions":null}`, ChangeOptions{Current: existing}, `{"extensions":["is invalid"]}`},
		{"no extensions in a new tenant's address", `{` + someKey + `}`, ChangeOptions{ExternalID: "a"}, `{"extensions":["can't be blank"]}`},
		{"extension empty", `{"extensions":[{}]}`, ChangeOptions{Current: existing}, `{"extensions":[{"settings":["can't be blank"],"type":["can't be blank"]}]}`},
		{"extension a number", `{"extensions":[5]}`, ChangeOptions{Current: existing}, `{"extensions":[{"type":["is invalid"]}]}`},
		{"unknown extension", `{"extensions":[{"type":"x","settings":{}}]}`, ChangeOptions{Current: existing}, `{"extensions":[{"settings":["region can't be blank",` +
			`"db_host can't be blank","db_name can't be blank","db_user can't be blank","db_port can't be blank","db_password can't be blank"],"type":["is invalid"]}]}`},
		{
			"setting missing", `{` + strings.Replace(oneExtension, `"db_host":"h",`, "", 1) + `}`,
			ChangeOptions{Current: existing},
			`{"extensions":[{"settings":["db_host can't be blank"]}]}`,
		},
		{
			"port a number", `{` + strings.Replace(oneExtension, `"db_port":"1"`, `"db_port":1`, 1) + `}`,
			ChangeOptions{Current: existing},
			`{"extensions":[{"settings":["db_port is invalid"]}]}`,
		},
		{"settings a list", `{"extensions":[{"type":"postgres_cdc_rls","settings":[]}]}`, ChangeOptions{Current: existing}, `{"extensions":[{"settings":["is invalid"]}]}`},
		{
			"two of a type", `{` + strings.Replace(oneExtension, "[{", `[{"type":"postgres","settings":{"db_host":"h","db_port":"1","db_name":"n","db_user":"u","db_password":"p","region":"r"}},{`, 1) + `}`,
			ChangeOptions{Current: existing},
			`{"extensions":[{},{"tenant_external_id":["has already been taken"]}]}`,
		},
		{"several", `{"suspend":5}`, ChangeOptions{}, `{"external_id":["can't be blank"],"jwt_secret":["either jwt_secret or jwt_jwks must be provided"],"suspend":["is invalid"]}`},
	} {
		_, err := ParseChange([]byte(c.body), c.o)
		problems, ok := errors.AsType[Invalid](err)
		if !ok {
			t.Errorf("%s: got %v, want Invalid", c.name, err)
			continue
		}
		got, err := json.Marshal(problems)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(got), c.want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", c.name, diff)
		}
	}
	for _, body := range []string{"", "null", "[]", `"x"`, "{", "5"} {
		if _, err := ParseChange([]byte(body), ChangeOptions{}); !errors.Is(err, ErrNotObject) {
			t.Errorf("ParseChange(%q) = %v, want ErrNotObject", body, err)
		}
	}
}

func TestParseChangeReads(t *testing.T) {
	limits := Limits{ConcurrentUsers: 1, EventsPerSecond: 2, BytesPerSecond: 3, ChannelsPerClient: 4, JoinsPerSecond: 5}
	fresh := map[string]any{
		"max_concurrent_users": 1, "max_events_per_second": 2, "max_bytes_per_second": 3, "max_channels_per_client": 4, "max_joins_per_second": 5,
		"jwt_secret": "s",
	}
	existing := &Tenant{ExternalID: "acme", JWKS: []byte("{}")}
	for _, c := range []struct {
		name, body string
		o          ChangeOptions
		want       map[string]any
	}{
		{"a new tenant has the environment's limits", `{"external_id":"a",` + someKey + `}`, ChangeOptions{Defaults: limits}, fresh},
		{"zero is a limit", `{"external_id":"a",` + someKey + `,"max_joins_per_second":0}`, ChangeOptions{Defaults: limits}, with(fresh, "max_joins_per_second", 0)},
		{"null is none", `{"external_id":"a",` + someKey + `,"max_joins_per_second":null}`, ChangeOptions{Defaults: limits}, fresh},
		{"an address names the tenant", `{"name":"x","external_id":"y",` + someKey + `,"extensions":[]}`, ChangeOptions{ExternalID: "a", Defaults: limits}, with(fresh, "name", "a")},
		{"unknown keys are ignored", `{"id":"x","inserted_at":1,"gcm_migrated_at":2,"notify_private_alpha":true}`, ChangeOptions{Current: existing}, map[string]any{}},
		{"only what is named", `{"suspend":true}`, ChangeOptions{Current: existing}, map[string]any{"suspend": true}},
		{"a limit set to null", `{"max_joins_per_second":null}`, ChangeOptions{Current: existing, Defaults: limits}, map[string]any{"max_joins_per_second": 5}},
		{"text for numbers and flags", `{"max_joins_per_second":"7","suspend":"1","presence_enabled":"false"}`, ChangeOptions{Current: existing}, map[string]any{
			"max_joins_per_second": 7, "suspend": true, "presence_enabled": false,
		}},
		{"blank text is null", `{"name":" ","max_payload_size_in_kb":""}`, ChangeOptions{Current: existing}, map[string]any{"name": nil, "max_payload_size_in_kb": nil}},
		{"secret given up for keys", `{"jwt_secret":null,"jwt_jwks":{"keys":[]}}`, ChangeOptions{Current: existing}, map[string]any{
			"jwt_secret": nil, "jwt_jwks": json.RawMessage(`{"keys":[]}`),
		}},
	} {
		got, err := ParseChange([]byte(c.body), c.o)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if diff := cmp.Diff(got.columns, c.want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", c.name, diff)
		}
	}
}

func TestParseChangeLaysSettingsOverDefaults(t *testing.T) {
	body := strings.NewReplacer(`"postgres_cdc_rls"`, `"postgres"`, `"region":"r"`,
		`"region":"r","publication":"mine","mystery":{"x":[1]},"postgres_changes_pool":9,"subcriber_pool_size":3`).Replace(oneExtension)
	c, err := ParseChange([]byte(`{`+body+`}`), ChangeOptions{Current: &Tenant{ExternalID: "acme", secret: "x"}})
	if err != nil {
		t.Fatal(err)
	}
	want := newExtension{kind: cdcType, settings: map[string]any{
		"db_host": "h", "db_port": "1", "db_name": "n", "db_user": "u", "db_password": "p", "region": "r",
		"poll_interval_ms": json.Number("100"), "poll_max_changes": json.Number("100"), "poll_max_record_bytes": json.Number("1048576"),
		"publication": "mine", "slot_name": "supabase_realtime_replication_slot",
		"mystery": map[string]any{"x": []any{json.Number("1")}}, "subcriber_pool_size": json.Number("9"),
	}}
	if diff := cmp.Diff(c.extensions, []newExtension{want}, cmp.AllowUnexported(newExtension{})); diff != "" {
		t.Errorf("extension (-got +want):\n%s", diff)
	}
	if diff := cmp.Diff(c.Columns(), []string{"extensions"}); diff != "" {
		t.Errorf("columns (-got +want):\n%s", diff)
	}
}

// A tenant made through its own address drops what has neither type nor settings, without a word.
func TestParseChangeDropsHalfExtensions(t *testing.T) {
	body := `{` + someKey + `,` + strings.Replace(oneExtension, "[{", `[{"type":"postgres_cdc_rls"},{"settings":{}},{},{`, 1) + `}`
	c, err := ParseChange([]byte(body), ChangeOptions{ExternalID: "a"})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.extensions) != 1 || c.ExternalID() != "a" {
		t.Errorf("got %d extensions for %q", len(c.extensions), c.ExternalID())
	}
}

func FuzzParseChange(f *testing.F) {
	f.Add(tenantJSON("acme"))
	f.Add(`{"external_id":"a","jwt_jwks":{},"extensions":[{"type":1}]}`)
	f.Add(`{"feature_flags":{"a":true},"max_joins_per_second":"1"}`)
	f.Fuzz(func(t *testing.T, body string) {
		for _, o := range []ChangeOptions{{}, {ExternalID: "x"}, {Current: &Tenant{ExternalID: "x", secret: "y"}}} {
			c, err := ParseChange([]byte(body), o)
			if (c == nil) == (err == nil) {
				t.Fatalf("got %v, %v", c, err)
			}
			if problems, ok := errors.AsType[Invalid](err); ok {
				if _, err := json.Marshal(problems); err != nil || problems.Error() == "" {
					t.Errorf("cannot show %v: %v", problems, err)
				}
			}
		}
	})
}

func with(m map[string]any, name string, v any) map[string]any {
	c := map[string]any{name: v}
	for k, w := range m {
		if k != name {
			c[k] = w
		}
	}
	return c
}
