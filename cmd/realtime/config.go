package main

import (
	"log/slog"
	"math"
	"strings"
	"time"
)

// setting is one environment variable. An empty text counts as unset, as in
// compose files; what is unset takes the default, if there is one.
type setting struct {
	name    string
	value   value
	def     string
	meaning string
	secret  bool // never shown: not in errors, logs or documents
}

// section is one table of docs/configuration.md.
type section struct {
	title    string
	settings []setting
}

// sections is every variable that the program reads, in the order in which
// docs/configuration.md lists them.
var sections = []section{
	{"The server", []setting{
		{configFile, text(func(c *Config) *string { return &c.File }), "", "file of `NAME=value` lines; the environment and flags are stronger", false},
		{"PORT", integer(1, 65535, func(c *Config) *int { return &c.Port }), "4000", "HTTP and WebSocket port", false},
		{
			"REALTIME_IP_VERSION", oneOf([]string{"ipv4", "ipv6"}, func(c *Config) *string { return &c.IPVersion }), "",
			"listen on this family only; unset: both where the machine has both", false,
		},
		{
			"REALTIME_TLS_CERT", text(func(c *Config) *string { return &c.TLSCert }), "",
			"file with the server's certificate chain (PEM): the port then speaks TLS; read again when it changes; unset: plain HTTP", false,
		},
		{"REALTIME_TLS_KEY", text(func(c *Config) *string { return &c.TLSKey }), "", "file with its private key (PEM)", false},
		{
			"APP_NAME", text(func(c *Config) *string { return &c.AppName }), "realtime",
			"name of this server in logs and metrics; it does not choose a tenant", false,
		},
		{"CLUSTER", text(func(c *Config) *string { return &c.Cluster }), "", "name of the deployment, in logs", false},
		{"REGION", text(func(c *Config) *string { return &c.Region }), "", "region of this server in logs and metrics", false},
		{
			"LOG_FORMAT", oneOf([]string{"json", "text"}, func(c *Config) *string { return &c.LogFormat }), "",
			"form of log lines; unset: `text` on a terminal, else `json`", false,
		},
		{"LOG_LEVEL", logLevel(func(c *Config) *slog.Level { return &c.LogLevel }), "info", "the least severe line that is logged", false},
		{
			"REQUEST_ID_BAGGAGE_KEY", text(func(c *Config) *string { return &c.RequestIDKey }), "request-id",
			"member of the header `baggage` that names a request in logs", false,
		},
		{"DISABLE_HEALTHCHECK_LOGGING", boolean(func(c *Config) *bool { return &c.QuietHealth }), "false", "leave health checks out of the request log", false},
		{
			"MAX_HEADER_LENGTH", integer(1024, 1<<20, func(c *Config) *int { return &c.MaxHeaderBytes }), "4096",
			"longest header value, in bytes", false,
		},
		{
			"MAX_CONNECTIONS", integer(1, math.MaxInt32, func(c *Config) *int { return &c.MaxConnections }), "",
			"connections served at a time, further ones wait; unset: as many as the file limit allows", false,
		},
		{
			"REALTIME_MAX_CONNECTS_PER_SECOND", integer(1, math.MaxInt32, func(c *Config) *int { return &c.ConnectRate }), "",
			"connections accepted a second once 4,000 have come at once, further ones wait; unset: 400 for each processor", false,
		},
		{
			"RLIMIT_NOFILE", integer(1, math.MaxInt32, func(c *Config) *int { return &c.OpenFiles }), "",
			"soft limit of open files to ask for; unset: the hard limit", false,
		},
	}},
	{"The data directory and the embedded database", []setting{
		{
			"REALTIME_DATA_DIR", text(func(c *Config) *string { return &c.DataDir }), "",
			"where the embedded database and generated secrets live; unset: `$XDG_DATA_HOME/realtime`, else `/var/lib/realtime` for root, " +
				"`~/Library/Application Support/realtime` on macOS, `~/.local/share/realtime` elsewhere", false,
		},
		{"XDG_DATA_HOME", text(func(c *Config) *string { return &c.XDGDataHome }), "", "parent of the data directory, if `REALTIME_DATA_DIR` is unset", false},
		{
			"REALTIME_PG_BIN", text(func(c *Config) *string { return &c.PGBin }), "",
			"folder with Postgres' own programs (`initdb`, `postgres`); unset: the usual places are searched", false,
		},
	}},
	{"A database of your own", []setting{
		{"DB_HOST", text(func(c *Config) *string { return &c.DB.Host }), "", "host of the database; unset: the server starts one of its own", false},
		{"DB_PORT", integer(1, 65535, func(c *Config) *int { return &c.DB.Port }), "5432", "its port", false},
		{"DB_USER", text(func(c *Config) *string { return &c.DB.User }), "supabase_admin", "its role for migrations and replication", false},
		{"DB_PASSWORD", text(func(c *Config) *string { return &c.DB.Password }), "postgres", "password of that role", true},
		{"DB_NAME", text(func(c *Config) *string { return &c.DB.Name }), "postgres", "database name", false},
		{"DB_SSL", boolean(func(c *Config) *bool { return &c.DB.SSL }), "false", "use TLS", false},
		{
			"DB_SSL_CA_CERT", text(func(c *Config) *string { return &c.DB.CACert }), "",
			"file with the authority to verify it against; unset: TLS without verification", false,
		},
		{
			"DB_IP_VERSION", oneOf([]string{"ipv4", "ipv6"}, func(c *Config) *string { return &c.DB.IPVersion }), "",
			"address family that the host's name is resolved in; unset: whichever answers", false,
		},
		{"DB_QUEUE_TARGET", millis(1, func(c *Config) *time.Duration { return &c.DB.Wait }), "5000", "longest wait for a tenant row, its connection included", false},
		{"DB_POOL_SIZE", integer(1, 1000, func(c *Config) *int { return &c.DB.PoolSize }), "5", "connections for tenant rows", false},
		{
			"DB_AFTER_CONNECT_QUERY", text(func(c *Config) *string { return &c.DB.AfterConnect }), "",
			"statement run on each of those connections, such as `SET search_path TO _realtime`", false,
		},
	}},
	{"Secrets", []setting{
		{
			"API_JWT_SECRET", text(func(c *Config) *string { return &c.JWTSecret }), "",
			"signs the tokens of the self-host tenant and of `/api/tenants`; unset on the embedded database: made once and kept in the data directory", true,
		},
		{"API_JWT_SECRET_NEXT", text(func(c *Config) *string { return &c.JWTSecretNext }), "", "second secret for tokens of `/api/tenants`, while the first is replaced", true},
		{"API_TOKEN_BLOCKLIST", tokens(func(c *Config) *[]string { return &c.APIBlocklist }), "", "tokens that `/api/tenants` refuses, between commas", true},
		{"METRICS_TOKEN_BLOCKLIST", tokens(func(c *Config) *[]string { return &c.MetricsBlocklist }), "", "tokens that `/metrics` refuses, between commas", true},
		{"API_JWT_JWKS", keySet(func(c *Config) *string { return &c.JWKS }), "", "public keys of the self-host tenant, besides the secret", true},
		{
			"JWT_CLAIM_VALIDATORS", objectText(func(c *Config) *string { return &c.ClaimValidators }), "",
			"claims that a token must carry with exactly this value if it carries them at all", false,
		},
		{
			"DB_ENC_KEY", exactly(16, func(c *Config) *string { return &c.EncKey }), "",
			"encrypts the secrets in tenant rows (AES-128); unset on the embedded database: made once and kept in the data directory; else required", true,
		},
		{"DB_ENC_KEY_GCM", exactly(32, func(c *Config) *string { return &c.EncKeyGCM }), "", "second key (AES-256-GCM): values written with it can be read", true},
		{"DB_ENC_WRITE_GCM", boolean(func(c *Config) *bool { return &c.WriteGCM }), "false", "write with the second key", false},
		{
			"METRICS_JWT_SECRET", text(func(c *Config) *string { return &c.MetricsSecret }), "",
			"`/metrics` asks for a token signed with it; unset: `/metrics` answers the machine itself only", true,
		},
	}},
	{"Metrics", []setting{
		{"PROM_POLL_RATE", millis(0, func(c *Config) *time.Duration { return &c.PollRate }), "5000", "how old a figure about the machine may be when it is scraped", false},
		{
			"METRICS_CLEANER_SCHEDULE_TIMER_IN_MS", millis(0, func(c *Config) *time.Duration { return &c.MetricsCleaner }), "1800000",
			"how often tenants are looked for whose series can go, because nobody has used them for ten minutes", false,
		},
		{"METRICS_PUSHER_ENABLED", boolean(func(c *Config) *bool { return &c.Push.Enabled }), "false", "push metrics instead of waiting for scrapes", false},
		{"METRICS_PUSHER_URL", text(func(c *Config) *string { return &c.Push.URL }), "", "where to, such as VictoriaMetrics' `/api/v1/import/prometheus`", false},
		{"METRICS_PUSHER_USER", text(func(c *Config) *string { return &c.Push.User }), "realtime", "user of basic auth, sent only with `METRICS_PUSHER_AUTH`", false},
		{"METRICS_PUSHER_AUTH", text(func(c *Config) *string { return &c.Push.Auth }), "", "its password", true},
		{"METRICS_PUSHER_INTERVAL_MS", millis(1, func(c *Config) *time.Duration { return &c.Push.Interval }), "30000", "pause between two rounds", false},
		{"METRICS_PUSHER_TIMEOUT_MS", millis(1, func(c *Config) *time.Duration { return &c.Push.Timeout }), "15000", "longest wait for one answer", false},
		{"METRICS_PUSHER_COMPRESS", boolean(func(c *Config) *bool { return &c.Push.Compress }), "true", "compress with gzip", false},
		{"METRICS_PUSHER_EXTRA_LABELS", labels(func(c *Config) *[]string { return &c.Push.Labels }), "", "labels for the receiver to add", false},
	}},
	{"The self-host tenant and its limits", []setting{
		{
			"SELF_HOST_TENANT_NAME", text(func(c *Config) *string { return &c.Tenant }), "",
			"external id of the tenant that is seeded and that answers when no other rule names one; unset: `realtime-dev`", false,
		},
		{
			"REALTIME_TENANT_HOSTS", hostMap(func(c *Config) *map[string]string { return &c.TenantHosts }), "",
			"which tenant answers which host, before any other rule", false,
		},
		{
			"REALTIME_TENANT_HEADER", boolean(func(c *Config) *bool { return &c.TenantHeader }), "false",
			"let the header `x-tenant-id` choose the tenant; only behind a proxy that sets or removes it", false,
		},
		{"SEED_SELF_HOST", boolean(func(c *Config) *bool { return &c.Seed }), "", "make or update that tenant at start; unset: only on the embedded database", false},
		{"TENANT_MAX_CONCURRENT_USERS", limit(func(c *Config) **int { return &c.Limits.ConcurrentUsers }), "", "sockets of a tenant at a time (upstream: 200)", false},
		{"TENANT_MAX_EVENTS_PER_SECOND", limit(func(c *Config) **int { return &c.Limits.EventsPerSecond }), "", "messages received and delivered (upstream: 100)", false},
		{"TENANT_MAX_BYTES_PER_SECOND", limit(func(c *Config) **int { return &c.Limits.BytesPerSecond }), "", "stored, never enforced (upstream: 100000)", false},
		{"TENANT_MAX_CHANNELS_PER_CLIENT", limit(func(c *Config) **int { return &c.Limits.ChannelsPerClient }), "", "channels of a socket (upstream: 100)", false},
		{"TENANT_MAX_JOINS_PER_SECOND", limit(func(c *Config) **int { return &c.Limits.JoinsPerSecond }), "", "joins of a tenant (upstream: 100)", false},
		{"CLIENT_PRESENCE_MAX_CALLS", limit(func(c *Config) **int { return &c.PresenceCalls }), "", "presence calls of a client in a window (upstream: 5)", false},
		{"CLIENT_PRESENCE_WINDOW_MS", millis(1, func(c *Config) *time.Duration { return &c.PresenceWindow }), "", "that window (upstream: 30000)", false},
		{"TENANT_CACHE_EXPIRATION_IN_MS", millis(0, func(c *Config) *time.Duration { return &c.TenantTTL }), "30000", "how long a tenant's row is believed", false},
	}},
	{"Stored messages", []setting{
		{
			"RUN_JANITOR", boolean(func(c *Config) *bool { return &c.Upkeep.Janitor }), "false",
			"drop the day partitions of `realtime.messages` that are over for 72 hours; they are made ahead whatever this says", false,
		},
		{"JANITOR_RUN_AFTER_IN_MS", millis(0, func(c *Config) *time.Duration { return &c.Upkeep.First }), "600000", "added to the first wait", false},
		{"JANITOR_SCHEDULE_TIMER_IN_MS", millis(1000, func(c *Config) *time.Duration { return &c.Upkeep.Every }), "14400000", "wait between two rounds", false},
		{"JANITOR_SCHEDULE_RANDOMIZE", boolean(func(c *Config) *bool { return &c.Upkeep.Randomize }), "true", "add 1 to 59 minutes to each wait", false},
		{"JANITOR_CHUNK_SIZE", integer(1, 10000, func(c *Config) *int { return &c.Upkeep.Chunk }), "10", "tenants that one worker goes through at a time", false},
		{
			"JANITOR_CLEANUP_MAX_CHILDREN", integer(1, 1000, func(c *Config) *int { return &c.Upkeep.Workers }), "",
			"another name of `JANITOR_MAX_CHILDREN`, which wins", false,
		},
		{"JANITOR_MAX_CHILDREN", integer(1, 1000, func(c *Config) *int { return &c.Upkeep.Workers }), "", "workers at a time; unset: 5", false},
		{
			"JANITOR_CLEANUP_CHILDREN_TIMEOUT", millis(1, func(c *Config) *time.Duration { return &c.Upkeep.Timeout }), "",
			"another name of `JANITOR_CHILDREN_TIMEOUT`, which wins", false,
		},
		{"JANITOR_CHILDREN_TIMEOUT", millis(1, func(c *Config) *time.Duration { return &c.Upkeep.Timeout }), "", "longest time for one worker's tenants; unset: 5000", false},
	}},
	{"Behaviour", []setting{
		{"CONNECT_ERROR_BACKOFF_MS", millis(0, func(c *Config) *time.Duration { return &c.ConnectPause }), "2000", "pause before a connection is refused", false},
		{"CHANNEL_ERROR_BACKOFF_MS", millis(0, func(c *Config) *time.Duration { return &c.JoinPause }), "5000", "pause before a join is refused; nothing else waits for it", false},
		{"ACCESS_TOKEN_THROTTLE_MS", millis(0, func(c *Config) *time.Duration { return &c.TokenThrottle }), "10000", "shortest gap between two verified tokens of a channel", false},
		{"NO_CHANNEL_TIMEOUT_IN_MS", millis(1000, func(c *Config) *time.Duration { return &c.NoChannelTimeout }), "600000", "a socket without channels is closed after this", false},
		{
			"SLOT_NAME_SUFFIX", matching(`[a-z0-9_]{1,19}`, "1 to 19 lower-case letters, digits and _", func(c *Config) *string { return &c.SlotSuffix }), "",
			"added to the names of replication slots, for two servers on one database", false,
		},
		{
			"REALTIME_SLOT", oneOf([]string{"temporary", "durable"}, func(c *Config) *string { return &c.Slot }), "temporary",
			"`durable` keeps the replication slot, so that a restarted server goes on where it was", false,
		},
		{
			"REALTIME_FLUSH_INTERVAL_MS", millisTo(0, 1000, func(c *Config) *time.Duration { return &c.FlushInterval }), "0",
			"after each write a channel gathers what it sends for so long: fewer writes and less CPU for that much delay; a message on its own still leaves at " +
				"once; a socket of several channels gathers what they say likewise; a tenant may have its own, `flush_interval_ms` in the settings of its database", false,
		},
		{
			"REALTIME_EARLY_SUBSCRIBED", boolean(func(c *Config) *bool { return &c.EarlySubscribed }), "false",
			"answer a join with `postgres_changes` before the subscription is live, as upstream does", false,
		},
	}},
}

// Load reads every setting through lookup, normally os.LookupEnv. It reports
// all that is wrong at once, as a *ConfigError.
func Load(lookup func(string) (string, bool)) (*Config, error) {
	c := &Config{given: map[string]bool{}}
	var wrong []Problem
	for _, sec := range sections {
		for _, s := range sec.settings {
			given, _ := lookup(s.name)
			if strings.TrimSpace(given) == "" {
				given = ""
			}
			c.given[s.name] = given != ""
			if given == "" {
				given = s.def
			}
			if given == "" {
				continue
			}
			if err := s.value.set(c, given); err != nil {
				wrong = append(wrong, s.problem(given, err))
			}
		}
	}
	wrong = append(wrong, c.check()...)
	if len(wrong) > 0 {
		return nil, &ConfigError{Problems: wrong}
	}
	return c, nil
}
