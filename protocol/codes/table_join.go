package codes

// joinTable is what can refuse a join, and what is noted while one succeeds.
var joinTable = []Entry{
	{
		Code: TopicNameRequired, Level: levelWarn, Counted: true, Text: "You must provide a topic name", Effect: Refuse,
		Meaning: "A client joined the topic realtime: without a name behind the colon.",
		Remedy:  "Give the channel a name.",
	}, {
		Code: InvalidJoinPayload, Level: levelWarn, Counted: true, Text: "The join payload is not valid", Effect: Refuse,
		Meaning: "A field of a join has the wrong type. Most are ignored and the join goes on; one that decides who may listen refuses it.",
		Remedy:  "Correct the field named in the log line in the client's channel options.",
	}, {
		Code: RealtimeRestarting, Level: levelInfo, Counted: true, Text: "Realtime is restarting, please standby", Effect: Refuse,
		Meaning: "The server was told to stop and takes no joins any more.",
		Remedy:  "Nothing: clients join again on the next node or after the restart.",
	}, {
		Code: PostgresChangesSubscribeTimeout, Level: levelWarn, Counted: true,
		Text: "Timed out waiting for the postgres_changes subscription", Effect: Refuse,
		Meaning: "The client asked to wait for its subscription and it was not made in time.",
		Remedy:  "Look for the log lines of the tenant's changes feed: it is starting, or cannot.",
	}, {
		Code: PrivateOnly, Level: levelWarn, Counted: true, Text: "This project only allows private channels", Effect: Refuse,
		Meaning: "A public join on a tenant with private_only.",
		Remedy:  "Join with private: true, or set private_only to false on the tenant.",
	}, {
		Code: ClientJoinRateLimitReached, Level: levelWarn, Counted: true, Text: "Too many joins per second", Effect: CloseSocket,
		Meaning: "The tenant's joins are over max_joins_per_second on average.",
		Remedy:  "Find the client that joins in a loop, or raise max_joins_per_second.",
	}, {
		Code: ChannelRateLimitReached, Level: levelWarn, Counted: true, Text: "Too many channels", Effect: Refuse,
		Meaning: "One socket has as many channels as max_channels_per_client allows.",
		Remedy:  "Leave channels that are not needed any more, or raise max_channels_per_client.",
	}, {
		Code: JwtSignatureError, Level: levelWarn, Counted: true, Text: "Failed to validate JWT signature", Status: 401, Effect: Refuse,
		Meaning: "The token is signed with another secret or key than the tenant's.",
		Remedy:  "Compare the tenant's jwt_secret or JWKS with the issuer's; after a rotation old tokens fail like this.",
	}, {
		Code: JwtSignerError, Level: levelWarn, Counted: true, Status: 401, Effect: Refuse,
		Text:    "Failed to generate JWT signer, check your JWT secret or JWKS configuration",
		Meaning: "There is no key for the algorithm and key id in the token's header.",
		Remedy:  "Add the issuer's public keys to the tenant's jwt_jwks; asymmetric algorithms need a kid.",
	}, {
		Code: Unauthorized, Level: levelWarn, Counted: true, Text: "You do not have permissions to read from this Channel topic",
		Status: 403, Effect: Refuse,
		Meaning: "No policy on realtime.messages lets the token's role use this private channel.",
		Remedy:  "Write a SELECT policy for the topic, which `realtime policy check` prints; the log line says which decision failed and whether any policy applies.",
	}, {
		Code: RlsPolicyError, Level: levelWarn, Counted: true, Text: "RLS policy error", Status: 422, Effect: Refuse,
		Meaning: "A policy on realtime.messages raised an error, or the token's role does not exist.",
		Remedy:  "Run the policy's expression by hand with the error in the log line.",
	}, {
		Code: UnableToSetPolicies, Level: levelError, Counted: true, Text: "Realtime was unable to connect to the project database",
		Status: 500, Effect: Refuse,
		Meaning: "The check of a private channel's policies failed for a reason that is none of the policies'.",
		Remedy:  "Read the cause in the log line; often the realtime schema or a grant is missing.",
	}, {
		Code: QueryCanceled, Level: levelError, Counted: true, Text: "Query was cancelled, please try again", Status: 422, Effect: Refuse,
		Meaning: "Postgres cancelled a check of policies: statement timeout, or somebody ended it.",
		Remedy:  "Make the policies faster (indexes on the columns they look up), or raise the role's statement_timeout.",
	}, {
		Code: MissingPartition, Level: levelError, Counted: true, Status: 422, Effect: Refuse,
		Text:    "Realtime was unable to find the expected messages partition",
		Meaning: "realtime.messages has no partition for today.",
		Remedy:  "Look for PartitionCreationFailed; grant CREATE on the schema realtime to the server's role.",
	}, {
		Code: IncreaseConnectionPool, Level: levelError, Counted: true, Text: "Please increase your connection pool size", Status: 429, Effect: Refuse,
		Meaning: "Checks of policies wait too long for one of the tenant's pooled connections.",
		Remedy:  "Raise db_pool in the tenant's settings, or make the policies faster.",
	}, {
		Code: DatabaseLackOfConnections, Level: levelError, Counted: true, Status: 422, Effect: Refuse,
		Text:    "Database can't accept more connections, Realtime won't connect",
		Meaning: "The tenant's database has fewer free connections than the server needs.",
		Remedy:  "Raise max_connections, or close what other clients keep open.",
	}, {
		Code: DatabaseConnectionRateLimitReached, Level: levelError, Counted: true, Status: 422, Effect: Refuse,
		Text:    "Too many database connections attempts per second",
		Meaning: "Connecting to the tenant's database failed so often that the server pauses.",
		Remedy:  "See UnableToConnectToProject for the reason of the failures.",
	}, {
		Code: UnableToConnectToProject, Level: levelError, Counted: true, Status: 422, Effect: Refuse,
		Text:    "Realtime was unable to connect to the project database",
		Meaning: "The tenant's database does not answer.",
		Remedy:  "Check host, port, password and TLS of the tenant's settings from this machine; what lacks is said when the server starts.",
	}, {
		Code: InitializingProjectConnection, Level: levelInfo, Counted: true, Status: 422, Effect: Refuse,
		Text:    "Realtime is initializing the project connection",
		Meaning: "The connection to the tenant's database is still being made.",
		Remedy:  "Nothing: clients try again. If it lasts, look for UnableToConnectToProject.",
	}, {
		Code: UnableToReplayMessages, Level: levelWarn, Counted: true, Text: "Realtime was unable to replay messages", Effect: Refuse,
		Meaning: "A replay was asked for on a public channel, with bad parameters, or its query failed.",
		Remedy:  "Replay needs a private channel and since in whole milliseconds; for a failed query see the cause.",
	}, {
		Code: UnknownErrorOnChannel, Level: levelError, Counted: true, Text: "Unknown Error on Channel", Effect: Refuse,
		Meaning: "A join failed for a reason that no other code names.",
		Remedy:  "Read the cause in the log line and report it if it is not the client's payload.",
	},
}
