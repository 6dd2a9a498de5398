package codes

// databaseTable is what can happen to the connections of a tenant's database and to broadcasts from it.
var databaseTable = []Entry{
	{
		Code: UnableToConnectToTenantDatabase, Level: levelError, Text: "Unable to connect to tenant database", Effect: None,
		Meaning: "The pool for a tenant's database could not be opened.",
		Remedy:  "Check host, port, password and TLS of the tenant's settings from this machine; what lacks is said when the server starts.",
	}, {
		Code: DatabaseIpVersionIsIpv4, Level: levelWarn, Text: "Tenant database host resolved to an IPv4 address", Effect: None,
		Meaning: "The name of the database's host has no IPv6 address. It is said once for each pool.",
		Remedy:  "Nothing, or set ip_version to ipv4 in the tenant's settings to say that this is meant.",
	}, {
		Code: DatabaseConnectionDown, Level: levelWarn, Text: "Database pool connection lost", Effect: None,
		Meaning: "The tenant's database went away; the server tries to get it back.",
		Remedy:  "Nothing if it was a restart; else look at the database.",
	}, {
		Code: MigrationsFailedToRun, Level: levelError, Text: "Unable to run migrations", Effect: None,
		Meaning: "The tables and functions that users' SQL needs could not be made in the tenant's database.",
		Remedy:  "Run what the line, or `realtime migrate`, says an administrator has to run.",
	}, {
		Code: PartitionCreationFailed, Level: levelError, Text: "Unable to create a messages partition", Effect: None,
		Meaning: "A day's partition of realtime.messages could not be made.",
		Remedy:  "The line says for each day what is in the way; a role without superuser needs membership in supabase_realtime_admin.",
	}, {
		Code: StartReplicationFailed, Level: levelError, Text: "Unable to start replication", Effect: None,
		Meaning: "The stream of realtime.messages, which carries broadcasts from the database, could not be started.",
		Remedy:  "Check wal_level, free slots and walsenders, and the REPLICATION right of the role; what lacks is said when the server starts.",
	}, {
		Code: ReplicationConnectionTimeout, Level: levelError, Text: "Replication connection timed out during initialization", Effect: None,
		Meaning: "Postgres did not answer while replication was being started; long transactions hold a new slot up.",
		Remedy:  "Look for old transactions in pg_stat_activity.",
	}, {
		Code: ReplicationMaxWalSendersReached, Level: levelError, Text: "Tenant database has reached the maximum number of WAL senders", Effect: None,
		Meaning: "Postgres has no walsender or slot left.",
		Remedy:  "Raise max_wal_senders and max_replication_slots, or drop slots nobody reads.",
	}, {
		Code: ReplicationConnectionDown, Level: levelWarn, Text: "Replication connection has been terminated, recovery window opened", Effect: None,
		Meaning: "The stream of realtime.messages was cut; the server starts it again.",
		Remedy:  "Nothing if the database was restarted; else see the cause.",
	}, {
		Code: ReplicationSlotNotAlive, Level: levelError, Text: "Replication slot is not alive, shutting down", Effect: None,
		Meaning: "The slot being read is gone or inactive: dropped, or invalidated by max_slot_wal_keep_size.",
		Remedy:  "Nothing, a new one is made; messages in between are lost. Find out who dropped it.",
	}, {
		Code: ReplicationSlotLagTooHigh, Level: levelWarn, Effect: None,
		Text:    "Replication slot lag is too high",
		Meaning: "The server falls behind the database's writes; the line says how far.",
		Remedy:  "Publish fewer tables, make policies cheaper, or raise max_slot_wal_keep_size.",
	}, {
		Code: ReplicationSlotCheckSkipped, Level: levelWarn, Text: "Could not check replication slot", Effect: None,
		Meaning: "The lag of a slot could not be read.",
		Remedy:  "Grant pg_monitor to the server's role.",
	}, {
		Code: UnableToBroadcastChanges, Level: levelWarn, Text: "Unable to broadcast changes", Effect: None,
		Meaning: "A row of realtime.messages could not be delivered: a column is null, the payload too large, or the rate too high.",
		Remedy:  "The log line says which; correct the SQL that inserts the row.",
	}, {
		Code: UnexpectedMessageReceived, Level: levelError, Text: "Unexpected replication message", Effect: None,
		Meaning: "Postgres sent something that the decoder does not know.",
		Remedy:  "Report it with the version of Postgres.",
	}, {
		Code: UnknownError, Level: levelError, Text: "Unknown error", Status: 500, Effect: Refuse,
		Meaning: "Something failed that no code names.",
		Remedy:  "Read the cause in the log line and report it.",
	}, {
		Code: EncryptionReconcileFailed, Level: levelError, Text: "Unable to rewrite an encrypted field", Effect: None,
		Meaning: "A stored secret could not be encrypted anew with the current key.",
		Remedy:  "Check DB_ENC_KEY and the field that the log line names.",
	}, {
		Code: WarnSendingBroadcastMessage, Level: levelWarn, Text: "Unable to send a broadcast message", Effect: None,
		Meaning: "realtime.send failed inside Postgres; the warning is in the database's log, and the calling statement went on.",
		Remedy:  "Read that warning; a missing partition is the most common reason.",
	},
}
