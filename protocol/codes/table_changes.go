package codes

// changesTable is what can happen to a subscription to database changes. None of it closes a channel.
var changesTable = []Entry{
	{
		Code: RealtimeDisabledForConfiguration, Level: levelWarn, Quiet: true, Effect: Refuse,
		Text:    "Unable to subscribe to changes with given parameters. Please check Realtime is enabled for the given connect parameters",
		Meaning: "A subscription can never work: no published table matches, or a filter or column does not exist.",
		Remedy:  "Add the table to the publication supabase_realtime; correct the filter that the message shows.",
	}, {
		Code: UnableToSubscribeToPostgres, Level: levelWarn, Quiet: true, Text: "Unable to subscribe to PostgreSQL", Effect: None,
		Meaning: "A subscription failed for a passing reason and is tried again.",
		Remedy:  "Read the cause in the log line.",
	}, {
		Code: ErrorStartingPostgresCDC, Level: levelError, Text: "Error starting Postgres CDC", Effect: None,
		Meaning: "The change stream of a tenant could not be started.",
		Remedy:  "Check wal_level, free slots and walsenders, and the REPLICATION right of the role; what lacks is said when the server starts.",
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
		Code: IncreaseSubscriptionConnectionPool, Level: levelError, Text: "Too many database timeouts", Effect: None,
		Meaning: "Subscriptions wait too long for the database.",
		Remedy:  "Look for locks and slow policies in the tenant's database.",
	}, {
		Code: UnhandledProcessMessage, Level: levelError, Text: "Unhandled message", Effect: None,
		Meaning: "A part of the server got a message it does not know: a bug, or nodes of different versions.",
		Remedy:  "Bring all nodes to the same version; else report it.",
	},
}
