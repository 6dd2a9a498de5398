package codes

import "slices"

// GoneEntry explains a name that operators may still meet in old logs, alerts or documents, and that this server
// never gives.
type GoneEntry struct {
	Name    string
	Meaning string // what it meant where it was given
	Instead string // what took its place, or why nothing had to
}

// gone is every such name: first those that upstream itself has given up, then those that only its runtime can meet.
var gone = []GoneEntry{
	{"ErrorAuthorizingWebsocket", "The token of a handshake was refused.", "MalformedJWT, InvalidJWTToken or ErrorConnectingToWebsocket, which say what is wrong with it."},
	{"TableHasSpacesInName", "A subscription named a table with a space.", "Nothing: such tables can be subscribed to."},
	{"StartListenAndReplicationFailed", "LISTEN or replication could not be started.", "StartReplicationFailed."},
	{"MigrationCheckFailed", "It could not be told whether migrations are needed.", "MigrationsFailedToRun."},
	{"ErrorStartingPostgresCDCStream", "The first streaming reader of changes could not start.", "ErrorStartingPostgresCDC."},
	{"UnknownDataProcessed", "Replication brought data of an unknown kind.", "UnexpectedMessageReceived."},
	{"UnableToDeletePhantomSubscriptions", "Subscriptions nobody held could not be removed.", "Nothing: subscriptions live in memory and go with their channel."},
	{"UnableToCreateCounter", "A counter process failed.", "Nothing: counters are words in memory."},
	{"UnableToIncrementCounter", "A counter process failed.", "Nothing: counters are words in memory."},
	{"UnableToDecrementCounter", "A counter process failed.", "Nothing: counters are words in memory."},
	{"UnableToUpdateCounter", "A counter process failed.", "Nothing: counters are words in memory."},
	{"UnableToFindCounter", "A counter process failed.", "Nothing: counters are words in memory."},
	{"ConnectionInitializing", "The connection to the tenant's database was still being made.", "InitializingProjectConnection."},
	{"DatabaseConnectionIssue", "A join could not reach the tenant's database.", "UnableToConnectToProject or UnableToSetPolicies."},
	{"InvalidJWTExpiration", "A token's exp could not be used.", "InvalidJWTToken."},
	{"UnableToProcessListenPayload", "A NOTIFY payload was not JSON.", "Nothing: broadcasts from the database come through replication, not LISTEN."},
	{"UnableToListenToTenantDatabase", "LISTEN failed.", "StartReplicationFailed: broadcasts from the database come through replication."},
	{"ReplicationSlotLagCheckSkipped", "Documented upstream, never logged.", "ReplicationSlotCheckSkipped."},
	{"MusterJoinError", "A node did not get into the registry of its cluster in time.", "Nothing: there is no such registry."},
	{"SynInitializationError", "The registry of processes answered something odd.", "Nothing: actors are found through their parent."},
	{"UnableToEncodeJson", "A value without a JSON form reached the encoder.", "Nothing: what is encoded has a JSON form by its type."},
	{"MigrationCountMismatch", "The remembered number of tenant migrations differed from the ledger's.", "Nothing: the schema is looked at, not a number."},
	{"MigrationCountMismatchReconcileFailed", "That number could not be corrected.", "Nothing: the schema is looked at, not a number."},
	{"TenantMigrationsRanCheckFailed", "The ledger of tenant migrations could not be read.", "MigrationsFailedToRun."},
	{"TenantMigrationsDumpSkipped", "A dump of the tenant schema could not be used.", "Nothing: the schema is installed by one script."},
	{"TenantMigrationsConnectFailed", "The admin page could not reach a tenant's database.", "UnableToConnectToTenantDatabase; `realtime migrate` says what it lacks."},
	{"TenantMigrationsPgDeltaCrash", "The tool that compares schemas on the admin page crashed.", "`realtime migrate --dry-run` prints what would be done."},
	{"TenantMigrationsPgDeltaMissing", "That tool was not installed.", "`realtime migrate --dry-run` prints what would be done."},
	{"TenantMigrationsPgDeltaTimeout", "That tool took too long.", "`realtime migrate --dry-run` prints what would be done."},
	{"TenantMigrationsPgDeltaNonZeroExit", "That tool failed.", "`realtime migrate --dry-run` prints what would be done."},
	{"TenantMigrationsPgDeltaPlanUnreadable", "That tool's answer could not be read.", "`realtime migrate --dry-run` prints what would be done."},
	{"TenantMigrationsApplyCrash", "Applying a plan on the admin page crashed.", "MigrationsFailedToRun."},
	{"TenantMigrationsApplyFailed", "Applying a plan on the admin page failed.", "MigrationsFailedToRun."},
	{"TenantMigrationsSchemaMigrationsQueryFailed", "The admin page could not read the ledger of migrations.", "MigrationsFailedToRun."},
	{"CheckOidsError", "The tables of the publication could not be read.", "UnableToSubscribeToPostgres, and the feed of changes starts anew."},
	{"DatabaseConnectionRecoveryWindowExceeded", "A tenant's database was away for ten minutes.", "Nothing: a connection is made whenever one is needed; DatabaseConnectionDown says that it broke."},
	{"DropReplicationSlotFailed", "A slot that was not needed any more could not be dropped.", "UnableToDeleteTenant for a tenant's slots; a temporary slot goes with its connection."},
	{"ErrorExecutingTransaction", "A transaction in a tenant's database failed.", "UnableToSetPolicies, UnableToReplayMessages or UnableToPersistMessage, which say what it was for."},
	{"ErrorRunningQuery", "A query in a tenant's database failed.", "UnableToSetPolicies, UnableToReplayMessages or UnableToPersistMessage, which say what it was for."},
	{"UnableCheckoutConnection", "The pool of a tenant's database gave no connection.", "IncreaseConnectionPool."},
	{"ErrorOnRpcCall", "Another node of the cluster failed to do its part.", "Nothing: no request needs another node."},
	{"TimeoutOnRpcCall", "Another node of the cluster did not answer in time.", "Nothing: no request needs another node."},
	{"RpcError", "Another node of the cluster failed to do its part of an HTTP request.", "Nothing: no request needs another node."},
	{"RealtimeNodeDisconnected", "A node of the cluster did not answer a ping.", "Nothing: nodes do not ping each other."},
	{"UnableToCheckProcessesOnRemoteNode", "It could not be found out whether another node's subscribers are still there.", "Nothing: a subscription belongs to one node and goes with its channel."},
	{"MetricsPusherException", "Metrics could not be collected for pushing.", "MetricsPusherFailed, with the cause."},
	{"MetricsPusherTaskExited", "The task that pushes metrics was ended.", "Nothing: the task lives as long as the server."},
	{"PgStatActivityQueryFailed", "It could not be found out who holds a slot.", "ReplicationSlotBeingUsed, which then does not name the other session."},
	{"RateCounterError", "A counter process failed.", "Nothing: counters are words in memory."},
	{"UnknownErrorOnCounter", "A counter process failed.", "Nothing: counters are words in memory."},
	{"ReconnectSubscribeToPostgres", "A subscription waited for the change stream and was tried again.", "Nothing: the join waits; UnableToSubscribeToPostgres says when it does so in vain."},
	{"ReplicationConnectionRecoveryFailed", "The database could not be asked whether replication can be started again.", "StartReplicationFailed, at each try."},
	{"ReplicationConnectionWatchdogTimeout", "The reader of a stream gave no sign of life.", "ReplicationConnectionDown: a stream that is silent for too long is cut."},
	{"ReplicationPollerMaxRetriesReached", "Replication could not be prepared and was given up.", "PoolingReplicationPreparationError, at each try: nothing is given up."},
	{"ReplicationRecoveryWindowExceeded", "Replication could not be started for two hours and was given up.", "StartReplicationFailed, at each try: nothing is given up."},
	{"SubscriptionCleanupFailed", "Subscriptions left by an earlier run could not be removed.", "Nothing: subscriptions live in memory and go with their channel."},
	{"SubscriptionDeletionFailed", "The subscriptions of clients that left could not be removed.", "Nothing: subscriptions live in memory and go with their channel."},
	{"SubscriptionManagerConnectionFailed", "The connection that keeps subscriptions could not be made.", "PoolingReplicationError or ReplicationPollerConnectionFailed."},
	{"TenantInfoPgVersionFailed", "The status page could not ask a tenant's database for its version.", "Nothing: there is no such page."},
	{"UnableToTrackPresence", "A presence could not be taken up.", "Nothing: tracking is an entry in memory."},
}

// Gone returns a copy of the names that this server never gives.
func Gone() []GoneEntry { return slices.Clone(gone) }
