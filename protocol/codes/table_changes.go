package codes

// changesTable is what can happen to a subscription to database changes. None of it closes a channel.
var changesTable = []Entry{
	{
		Code: RealtimeDisabledForConfiguration, Level: levelWarn, Quiet: true, Effect: Refuse,
		Text:    "Unable to subscribe to changes with given parameters. Please check Realtime is enabled for the given connect parameters",
		Meaning: "A subscription can never work: no published table matches, or a filter or column does not exist.",
		Remedy:  "Add the table to the publication supabase_realtime; correct the filter that the message shows.",
	}, {
		Code: ReconnectSubscribeToPostgres, Level: levelWarn, Quiet: true, Text: "Re-connecting to PostgreSQL", Effect: None,
		Meaning: "A subscription waits for the tenant's change stream and is tried again.",
		Remedy:  "Nothing, unless it lasts: then see the feed's own log lines.",
	}, {
		Code: UnableToSubscribeToPostgres, Level: levelWarn, Quiet: true, Text: "Unable to subscribe to PostgreSQL", Effect: None,
		Meaning: "A subscription failed for a passing reason and is tried again.",
		Remedy:  "Read the cause in the log line.",
	}, {
		Code: ErrorStartingPostgresCDC, Level: levelError, Text: "Error starting Postgres CDC", Effect: None,
		Meaning: "The change stream of a tenant could not be started.",
		Remedy:  "Check wal_level, free slots and walsenders, and the REPLICATION right of the role; `realtime doctor` does.",
	}, {
		Code: SubscriptionManagerConnectionFailed, Level: levelError, Text: "Unable to connect for subscriptions", Effect: None,
		Meaning: "The connection that decides who sees which change could not be made.",
		Remedy:  "See UnableToConnectToProject.",
	}, {
		Code: ReplicationPollerConnectionFailed, Level: levelError, Text: "Unable to connect for replication", Effect: None,
		Meaning: "The connection that reads the changes could not be made.",
		Remedy:  "Check that the role may replicate and that pg_hba.conf lets it.",
	}, {
		Code: PoolingReplicationPreparationError, Level: levelError, Text: "Unable to prepare replication", Effect: None,
		Meaning: "The replication slot or the publication could not be made ready.",
		Remedy:  "Check wal_level = logical, max_replication_slots, and that the publication exists.",
	}, {
		Code: PoolingReplicationError, Level: levelError, Text: "Unable to read changes", Effect: None,
		Meaning: "Reading the change stream failed; it is started again.",
		Remedy:  "Read the cause in the log line; a cut connection heals by itself.",
	}, {
		Code: ReplicationSlotBeingUsed, Level: levelError, Text: "Replication slot is in use", Effect: None,
		Meaning: "Another process reads the tenant's slot.",
		Remedy:  "Stop the other server, or give this one a slot name of its own (SLOT_NAME_SUFFIX).",
	}, {
		Code: ReplicationPollerMaxRetriesReached, Level: levelError, Text: "Replication could not be prepared, giving up for now", Effect: None,
		Meaning: "Preparing replication failed many times in a row; the pauses between attempts are at their longest.",
		Remedy:  "See PoolingReplicationPreparationError for the reason.",
	}, {
		Code: PgStatActivityQueryFailed, Level: levelError, Text: "Unable to read pg_stat_activity", Effect: None,
		Meaning: "It could not be found out who holds the slot.",
		Remedy:  "Grant pg_monitor to the server's role.",
	}, {
		Code: DropReplicationSlotFailed, Level: levelError, Text: "Unable to drop the replication slot", Effect: None,
		Meaning: "A slot that is not needed any more could not be dropped; it holds WAL back.",
		Remedy:  "Drop it by hand: select pg_drop_replication_slot('<slot>').",
	}, {
		Code: CheckOidsError, Level: levelError, Text: "Unable to read the publication's tables", Effect: None,
		Meaning: "The tables of the publication could not be read; the last known ones stay in force.",
		Remedy:  "Read the cause in the log line.",
	}, {
		Code: SubscriptionCleanupFailed, Level: levelError, Text: "Unable to clean up subscriptions", Effect: None,
		Meaning: "Subscriptions left by an earlier run could not be removed.",
		Remedy:  "Read the cause in the log line; they do no harm but to space.",
	}, {
		Code: SubscriptionDeletionFailed, Level: levelError, Text: "Unable to delete subscriptions", Effect: None,
		Meaning: "The subscriptions of clients that left could not be removed; it is tried again.",
		Remedy:  "Read the cause in the log line.",
	}, {
		Code: RateCounterError, Level: levelError, Text: "Too many database timeouts", Effect: None,
		Meaning: "The limit on subscription attempts could not be read.",
		Remedy:  "Report it with the log line.",
	}, {
		Code: IncreaseSubscriptionConnectionPool, Level: levelError, Text: "Too many database timeouts", Effect: None,
		Meaning: "Subscriptions wait too long for the database.",
		Remedy:  "Look for locks and slow policies in the tenant's database.",
	}, {
		Code: UnhandledProcessMessage, Level: levelError, Text: "Unhandled message", Effect: None,
		Meaning: "A part of the server got a message it does not know: a bug, or nodes of different versions.",
		Remedy:  "Bring all nodes to the same version; else report it.",
	}, {
		Code: UnableToCheckProcessesOnRemoteNode, Level: levelError, Text: "Unable to check another node", Effect: None,
		Meaning: "It could not be found out whether another node's subscribers are still there.",
		Remedy:  "Check that node and the line to it: `realtime cluster status`.",
	},
}
