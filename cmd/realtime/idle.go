package main

import "strings"

// idleFamily is a family of variables that the original reads, or once read, and
// that do nothing here.
type idleFamily struct {
	why   string
	names []string // one that ends in * stands for every name that begins so
}

// idleFamilies are answered with one warning each, when they are set.
var idleFamilies = []idleFamily{
	{"there is no BEAM: Go needs no flags of its kind", []string{
		"ERL_AFLAGS", "ELIXIR_ERL_OPTIONS", "ENABLE_ERL_CRASH_DUMP", "ERL_CRASH_DUMP*", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
		"PHX_SERVER", "RELEASE_NODE", "RELEASE_DISTRIBUTION", "RELEASE_COOKIE", "MIX_ENV", "NUM_ACCEPTORS",
	}},
	{"nodes do not speak Erlang's distribution", []string{
		"GEN_RPC_*", "MAX_GEN_RPC_CLIENTS", "MAX_GEN_RPC_CALL_CLIENTS", "GENERATE_CLUSTER_CERTS", "CLUSTER_SECRET_ID", "CLUSTER_SECRET_REGION",
		"NODE_NAME", "POD_IP", "ECS_CONTAINER_METADATA_URI_V4", "RPC_TIMEOUT", "METRICS_RPC_TIMEOUT_IN_MS",
	}},
	{"this release runs as one node", []string{"DNS_NODES", "CLUSTER_STRATEGIES"}},
	{"it places nodes of the hosted platform in regions", []string{
		"AWS_EXECUTION_ENV", "DB_MASTER_REGION", "DB_HOST_REPLICA_FRA", "DB_HOST_REPLICA_IAD", "DB_HOST_REPLICA_SIN", "DB_HOST_REPLICA_SJC",
		"REBALANCE_CHECK_INTERVAL_IN_MS", "NODE_BALANCE_UPTIME_THRESHOLD_IN_MS", "REGION_MAPPING",
	}},
	{"tenant rows are read from the primary and kept in memory", []string{"DB_REPLICA_HOST", "DB_REPLICA_POOL_SIZE"}},
	{"pages need no signed cookie", []string{"SECRET_KEY_BASE"}},
	{"work is not sharded over a fixed number of processes", []string{
		"PRESENCE_POOL_SIZE", "BROADCAST_POOL_SIZE", "MIGRATION_PARTITION_SLOTS", "CONNECT_PARTITION_SLOTS",
		"POSTGRES_CDC_SCOPE_SHARDS", "USERS_SCOPE_SHARDS", "MUSTER_SCOPE_SHARDS",
	}},
	{"presence needs no period: diffs go out at once", []string{"PRESENCE_BROADCAST_PERIOD_IN_MS", "PRESENCE_PERMDOWN_PERIOD_IN_MS"}},
	{"how far a connection may fall behind is fixed: 1 MiB behind what is on its way", []string{"WEBSOCKET_MAX_HEAP_SIZE"}},
	{"buffers of the listener are sized by what arrives", []string{"HTTP_DYNAMIC_BUFFER_MIN", "HTTP_DYNAMIC_BUFFER_MAX"}},
	{"bytes are counted exactly, not sampled", []string{"MEASURE_TRAFFIC_INTERVAL_IN_MS"}},
	{"logs go to standard error; collect them there", []string{"LOGS_ENGINE", "LOGFLARE_*", "LOG_THROTTLE_JANITOR_INTERVAL_IN_MS"}},
	{"DB_HOST decides by itself which address family is used", []string{"ECTO_IPV6"}},
	{"waits for a connection have one deadline, DB_QUEUE_TARGET", []string{"DB_QUEUE_INTERVAL"}},
	{"there is no dashboard at /admin", []string{"DASHBOARD_AUTH", "DASHBOARD_USER", "DASHBOARD_PASSWORD", "CF_TEAM_DOMAIN"}},
	{"no release of the server reads it any more; a tenant's tokens are verified with API_JWT_SECRET", []string{"JWT_SECRET", "SECURE_CHANNELS"}},
	{"no release of the server reads it any more", []string{
		"FLY_ALLOC_ID", "FLY_APP_NAME", "FLY_REGION", "ENABLE_TAILSCALE", "TAILSCALE_*", "RUN_SCHEDULED", "RUN_SCHEDULED_AFTER_IN_MS",
		"MAX_CHILDREN_SCHEDULED_CLEANUP", "SCHEDULED_CLEANUP_TASK_TIMEOUT", "SYN_SHARDS", "POSTGRES_CLUSTER_CHANNEL_NAME",
		"CONNECT_THROTTLE_LIMIT_PER_SECOND", "DISCONNECT_SOCKET_ON_NO_CHANNELS_INTERVAL_IN_MS", "REGIONAL_BROADCASTING", "PUBSUB_ADAPTER",
		"METRICS_SEPARATION_ENABLED", "DB_USER_REALTIME", "DB_PASS_REALTIME", "PHOENIX_PATH", "MIX_TEST_PARTITION",
		"SOME_APP_SSL_CERT_PATH", "SOME_APP_SSL_KEY_PATH", "JANITOR_INTERVAL",
	}},
}

// idleReason says why a variable has no effect; "" if none of the families has it.
func idleReason(name string) string {
	for _, f := range idleFamilies {
		for _, n := range f.names {
			if head, family := strings.CutSuffix(n, "*"); n == name || family && strings.HasPrefix(name, head) {
				return f.why
			}
		}
	}
	return ""
}
