package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"realtime/actors"
	"realtime/tenancy"
)

// Config is the checked configuration of one process. It does not change after
// Load. Zero means unset wherever docs/configuration.md gives no default.
type Config struct {
	File           string
	Port           int
	IPVersion      string
	AppName        string
	Cluster        string
	Region         string
	LogLevel       slog.Level
	MetricsCleaner time.Duration
	LogFormat      string // "": as the output is
	QuietHealth    bool
	MaxHeaderBytes int
	MaxConnections int
	ConnectRate    int
	OpenFiles      int

	DataDir     string
	XDGDataHome string
	PGBin       string
	DB          DBConfig

	JWTSecret        string
	JWKS             string
	EncKey           string
	EncKeyGCM        string
	WriteGCM         bool
	MetricsSecret    string
	TLSCert, TLSKey  string
	JWTSecretNext    string
	APIBlocklist     []string
	MetricsBlocklist []string
	RequestIDKey     string

	ClaimValidators string
	PollRate        time.Duration
	Push            PushConfig

	Tenant         string
	Seed           bool
	TenantHosts    map[string]string // host in lower case, no port, to external id
	TenantHeader   bool
	Limits         tenancy.LimitOverrides
	PresenceCalls  *int
	PresenceWindow time.Duration
	TenantTTL      time.Duration

	Upkeep actors.Upkeep

	ConnectPause     time.Duration
	JoinPause        time.Duration
	TokenThrottle    time.Duration
	NoChannelTimeout time.Duration
	SlotSuffix       string
	Slot             string
	EarlySubscribed  bool
	FlushInterval    time.Duration

	given   map[string]bool // the variables that were set to something
	notices []string        // what was set and has no effect, from strangers
}

// DBConfig says where a database that is not ours is. It means nothing while
// Host is empty.
type DBConfig struct {
	Host, User, Password, Name string
	Port                       int
	SSL                        bool
	CACert                     string
	IPVersion                  string
	Wait                       time.Duration
	PoolSize                   int
	AfterConnect               string
}

// PushConfig says where metrics are pushed to.
type PushConfig struct {
	Enabled, Compress bool
	URL, User, Auth   string
	Interval, Timeout time.Duration
	Labels            []string
}

// Embedded reports whether the server runs a database of its own.
func (c *Config) Embedded() bool { return c.DB.Host == "" }

// TenantName is the external id of the self-host tenant.
func (c *Config) TenantName() string {
	if c.Tenant == "" {
		return defaultTenant
	}
	return c.Tenant
}

// SeedTenant reports whether the self-host tenant is made or updated at start.
func (c *Config) SeedTenant() bool {
	if c.given["SEED_SELF_HOST"] {
		return c.Seed
	}
	return c.Embedded()
}

const defaultTenant = "realtime-dev"

// check finds what is wrong between settings.
func (c *Config) check() []Problem {
	var wrong []Problem
	if !c.Embedded() && c.EncKey == "" {
		wrong = append(wrong, Problem{Name: "DB_ENC_KEY", Want: "exactly 16 bytes, because DB_HOST is set: the key that the tenant rows of that database are encrypted with"})
	}
	if strings.Contains(c.DB.Host, "://") {
		wrong = append(wrong, Problem{Name: "DB_HOST", Value: "a URL", Want: "a host name or address; user, port and database have variables of their own"})
	}
	if c.DB.CACert != "" {
		if _, err := os.Stat(c.DB.CACert); err != nil {
			wrong = append(wrong, Problem{Name: "DB_SSL_CA_CERT", Value: c.DB.CACert, Want: "a file that can be read"})
		}
	}
	return append(wrong, c.checkTLS()...)
}

// checkTLS wants both files of the listener's TLS or none, and a pair that fits.
func (c *Config) checkTLS() []Problem {
	switch {
	case c.TLSCert == "" && c.TLSKey == "":
		return nil
	case c.TLSKey == "":
		return []Problem{{Name: "REALTIME_TLS_KEY", Want: "the private key of REALTIME_TLS_CERT, a PEM file"}}
	case c.TLSCert == "":
		return []Problem{{Name: "REALTIME_TLS_CERT", Want: "the certificate of REALTIME_TLS_KEY, a PEM file"}}
	}
	if _, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey); err != nil {
		return []Problem{{Name: "REALTIME_TLS_CERT", Value: c.TLSCert, Why: err.Error(), Want: "a PEM certificate chain that fits REALTIME_TLS_KEY"}}
	}
	return nil
}

// Warnings are combinations that work and are probably not what was meant.
func (c *Config) Warnings() []string {
	w := slices.Clone(c.notices)
	if c.Embedded() {
		for _, name := range []string{"DB_PORT", "DB_USER", "DB_PASSWORD", "DB_NAME", "DB_SSL", "DB_IP_VERSION"} {
			if c.given[name] {
				w = append(w, name+" has no effect without DB_HOST: the embedded database is in use")
			}
		}
	}
	if c.Push.Enabled && c.Push.URL == "" {
		w = append(w, "METRICS_PUSHER_ENABLED has no effect without METRICS_PUSHER_URL")
	}
	if c.WriteGCM && c.EncKeyGCM == "" {
		w = append(w, "DB_ENC_WRITE_GCM has no effect without DB_ENC_KEY_GCM")
	}
	if c.DB.CACert != "" && !c.DB.SSL {
		w = append(w, "DB_SSL_CA_CERT has no effect without DB_SSL=true")
	}
	if c.JWTSecret != "" && len(c.JWTSecret) < 32 {
		w = append(w, "API_JWT_SECRET is short: 32 bytes or more keep HS256 tokens safe from guessing")
	}
	return append(w, c.sharedSecrets()...)
}

// sharedSecrets warns about secrets that more people know than should.
func (c *Config) sharedSecrets() []string {
	var w []string
	if c.JWTSecret != "" && c.JWTSecret == c.MetricsSecret {
		w = append(w, "API_JWT_SECRET and METRICS_JWT_SECRET are the same: whoever may read metrics can sign tokens of any user")
	}
	if c.JWTSecret == upstreamSecret {
		w = append(w, "API_JWT_SECRET is the one in upstream's examples, which everybody knows: anybody can sign tokens")
	}
	if c.EncKey == upstreamEncKey {
		w = append(w, "DB_ENC_KEY is the one in upstream's examples: whoever reads the tenant rows can read their secrets; set another one with DB_ENC_KEY_GCM and DB_ENC_WRITE_GCM=true")
	}
	return w
}

// upstreamEncKey is the cipher key of upstream's compose file.
const upstreamEncKey = "supabaserealtime"

// Problem is one variable that cannot be used.
type Problem struct {
	Name  string
	Value string // as given, or [secret] for secrets; empty when unset
	Why   string // what is wrong with it, if Want alone does not say it
	Want  string
}

func (s *setting) problem(given string, err error) Problem {
	p := Problem{Name: s.name, Value: fmt.Sprintf("%q", given), Want: s.value.want}
	if s.secret {
		p.Value = "[secret]"
	}
	if !errors.Is(err, errWant) {
		p.Why = err.Error()
	}
	return p
}

// ConfigError is everything that is wrong with the environment.
type ConfigError struct{ Problems []Problem }

func (e *ConfigError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d variables cannot be used:", len(e.Problems))
	if len(e.Problems) == 1 {
		b.Reset()
		b.WriteString("1 variable cannot be used:")
	}
	for _, p := range e.Problems {
		fmt.Fprintf(&b, "\n  %s", p.Name)
		if p.Value == "" {
			b.WriteString(" is not set")
		} else {
			b.WriteString("=" + p.Value)
		}
		if p.Why != "" {
			b.WriteString(", " + p.Why)
		}
		b.WriteString("; want " + p.Want)
	}
	return b.String()
}
