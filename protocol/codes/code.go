package codes

// Code names one kind of trouble. The names are upstream's, so that alerts and runbooks written for it keep working.
type Code string

// Handshake.
const (
	TenantNotFound             Code = "TenantNotFound"
	MissingAPIKey              Code = "MissingAPIKey"
	MalformedJWT               Code = "MalformedJWT"
	InvalidJWTToken            Code = "InvalidJWTToken"
	ErrorConnectingToWebsocket Code = "ErrorConnectingToWebsocket"
	RealtimeDisabledForTenant  Code = "RealtimeDisabledForTenant"
	ConnectionRateLimitReached Code = "ConnectionRateLimitReached"
	JoinsRateLimitReached      Code = "JoinsRateLimitReached"
	UnknownErrorOnCounter      Code = "UnknownErrorOnCounter"
)

// Joining a channel.
const (
	TopicNameRequired                  Code = "TopicNameRequired"
	InvalidJoinPayload                 Code = "InvalidJoinPayload"
	RealtimeRestarting                 Code = "RealtimeRestarting"
	PostgresChangesSubscribeTimeout    Code = "PostgresChangesSubscribeTimeout"
	RealtimeDisabledForConfiguration   Code = "RealtimeDisabledForConfiguration"
	PrivateOnly                        Code = "PrivateOnly"
	ClientJoinRateLimitReached         Code = "ClientJoinRateLimitReached"
	ChannelRateLimitReached            Code = "ChannelRateLimitReached"
	JwtSignatureError                  Code = "JwtSignatureError"
	JwtSignerError                     Code = "JwtSignerError"
	Unauthorized                       Code = "Unauthorized"
	RlsPolicyError                     Code = "RlsPolicyError"
	UnableToSetPolicies                Code = "UnableToSetPolicies"
	QueryCanceled                      Code = "QueryCanceled"
	MissingPartition                   Code = "MissingPartition"
	IncreaseConnectionPool             Code = "IncreaseConnectionPool"
	DatabaseLackOfConnections          Code = "DatabaseLackOfConnections"
	DatabaseConnectionRateLimitReached Code = "DatabaseConnectionRateLimitReached"
	UnableToConnectToProject           Code = "UnableToConnectToProject"
	InitializingProjectConnection      Code = "InitializingProjectConnection"
	TimeoutOnRpcCall                   Code = "TimeoutOnRpcCall"
	ErrorOnRpcCall                     Code = "ErrorOnRpcCall"
	UnableToReplayMessages             Code = "UnableToReplayMessages"
	UnknownErrorOnChannel              Code = "UnknownErrorOnChannel"
)

// On an open channel or socket.
const (
	ChannelShutdown                  Code = "ChannelShutdown"
	MessagePerSecondRateLimitReached Code = "MessagePerSecondRateLimitReached"
	PresenceRateLimitReached         Code = "PresenceRateLimitReached"
	ClientPresenceRateLimitReached   Code = "ClientPresenceRateLimitReached"
	InvalidPresencePayload           Code = "InvalidPresencePayload"
	UnknownPresenceEvent             Code = "UnknownPresenceEvent"
	UnableToTrackPresence            Code = "UnableToTrackPresence"
	UnableToHandlePresence           Code = "UnableToHandlePresence"
	UnableToHandleBroadcast          Code = "UnableToHandleBroadcast"
	UnableToPersistMessage           Code = "UnableToPersistMessage"
	MalformedWebSocketMessage        Code = "MalformedWebSocketMessage"
	UnknownErrorOnWebSocketMessage   Code = "UnknownErrorOnWebSocketMessage"
)

// Postgres Changes.
const (
	ReconnectSubscribeToPostgres        Code = "ReconnectSubscribeToPostgres"
	UnableToSubscribeToPostgres         Code = "UnableToSubscribeToPostgres"
	ErrorStartingPostgresCDC            Code = "ErrorStartingPostgresCDC"
	SubscriptionManagerConnectionFailed Code = "SubscriptionManagerConnectionFailed"
	ReplicationPollerConnectionFailed   Code = "ReplicationPollerConnectionFailed"
	PoolingReplicationPreparationError  Code = "PoolingReplicationPreparationError"
	PoolingReplicationError             Code = "PoolingReplicationError"
	ReplicationSlotBeingUsed            Code = "ReplicationSlotBeingUsed"
	ReplicationPollerMaxRetriesReached  Code = "ReplicationPollerMaxRetriesReached"
	PgStatActivityQueryFailed           Code = "PgStatActivityQueryFailed"
	DropReplicationSlotFailed           Code = "DropReplicationSlotFailed"
	CheckOidsError                      Code = "CheckOidsError"
	SubscriptionCleanupFailed           Code = "SubscriptionCleanupFailed"
	SubscriptionDeletionFailed          Code = "SubscriptionDeletionFailed"
	RateCounterError                    Code = "RateCounterError"
	IncreaseSubscriptionConnectionPool  Code = "IncreaseSubscriptionConnectionPool"
	UnhandledProcessMessage             Code = "UnhandledProcessMessage"
	UnableToCheckProcessesOnRemoteNode  Code = "UnableToCheckProcessesOnRemoteNode"
)

// The tenant's database and broadcast from it.
const (
	UnableToConnectToTenantDatabase          Code = "UnableToConnectToTenantDatabase"
	DatabaseIpVersionIsIpv4                  Code = "DatabaseIpVersionIsIpv4"
	DatabaseConnectionDown                   Code = "DatabaseConnectionDown"
	DatabaseConnectionRecoveryWindowExceeded Code = "DatabaseConnectionRecoveryWindowExceeded"
	MigrationsFailedToRun                    Code = "MigrationsFailedToRun"
	PartitionCreationFailed                  Code = "PartitionCreationFailed"
	StartReplicationFailed                   Code = "StartReplicationFailed"
	ReplicationConnectionTimeout             Code = "ReplicationConnectionTimeout"
	ReplicationMaxWalSendersReached          Code = "ReplicationMaxWalSendersReached"
	ReplicationConnectionDown                Code = "ReplicationConnectionDown"
	ReplicationConnectionRecoveryFailed      Code = "ReplicationConnectionRecoveryFailed"
	ReplicationRecoveryWindowExceeded        Code = "ReplicationRecoveryWindowExceeded"
	ReplicationConnectionWatchdogTimeout     Code = "ReplicationConnectionWatchdogTimeout"
	ReplicationSlotNotAlive                  Code = "ReplicationSlotNotAlive"
	ReplicationSlotLagTooHigh                Code = "ReplicationSlotLagTooHigh"
	ReplicationSlotCheckSkipped              Code = "ReplicationSlotCheckSkipped"
	UnableToBroadcastChanges                 Code = "UnableToBroadcastChanges"
	UnexpectedMessageReceived                Code = "UnexpectedMessageReceived"
	ErrorExecutingTransaction                Code = "ErrorExecutingTransaction"
	ErrorRunningQuery                        Code = "ErrorRunningQuery"
	UnableCheckoutConnection                 Code = "UnableCheckoutConnection"
	UnknownError                             Code = "UnknownError"
	EncryptionReconcileFailed                Code = "EncryptionReconcileFailed"
	WarnSendingBroadcastMessage              Code = "WarnSendingBroadcastMessage"
)

// HTTP and background work.
const (
	UnprocessableEntity              Code = "UnprocessableEntity"
	UnknownErrorOnController         Code = "UnknownErrorOnController"
	UnableToDeleteTenant             Code = "UnableToDeleteTenant"
	RpcError                         Code = "RpcError"
	HttpServerError                  Code = "HttpServerError"
	HttpClientError                  Code = "HttpClientError"
	RealtimeNodeDisconnected         Code = "RealtimeNodeDisconnected"
	JanitorFailedToDeleteOldMessages Code = "JanitorFailedToDeleteOldMessages"
	MetricsPusherTimeout             Code = "MetricsPusherTimeout"
	MetricsPusherTaskExited          Code = "MetricsPusherTaskExited"
	MetricsPusherFailed              Code = "MetricsPusherFailed"
	MetricsPusherException           Code = "MetricsPusherException"
	TenantInfoPgVersionFailed        Code = "TenantInfoPgVersionFailed"
)
