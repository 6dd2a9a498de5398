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
	UnableToHandlePresence           Code = "UnableToHandlePresence"
	UnableToHandleBroadcast          Code = "UnableToHandleBroadcast"
	UnableToPersistMessage           Code = "UnableToPersistMessage"
	MalformedWebSocketMessage        Code = "MalformedWebSocketMessage"
	UnknownErrorOnWebSocketMessage   Code = "UnknownErrorOnWebSocketMessage"
)

// Postgres Changes.
const (
	UnableToSubscribeToPostgres        Code = "UnableToSubscribeToPostgres"
	ErrorStartingPostgresCDC           Code = "ErrorStartingPostgresCDC"
	ReplicationPollerConnectionFailed  Code = "ReplicationPollerConnectionFailed"
	PoolingReplicationPreparationError Code = "PoolingReplicationPreparationError"
	PoolingReplicationError            Code = "PoolingReplicationError"
	ReplicationSlotBeingUsed           Code = "ReplicationSlotBeingUsed"
	IncreaseSubscriptionConnectionPool Code = "IncreaseSubscriptionConnectionPool"
	UnhandledProcessMessage            Code = "UnhandledProcessMessage"
)

// The tenant's database and broadcast from it.
const (
	UnableToConnectToTenantDatabase Code = "UnableToConnectToTenantDatabase"
	DatabaseIpVersionIsIpv4         Code = "DatabaseIpVersionIsIpv4"
	DatabaseConnectionDown          Code = "DatabaseConnectionDown"
	MigrationsFailedToRun           Code = "MigrationsFailedToRun"
	PartitionCreationFailed         Code = "PartitionCreationFailed"
	StartReplicationFailed          Code = "StartReplicationFailed"
	ReplicationConnectionTimeout    Code = "ReplicationConnectionTimeout"
	ReplicationMaxWalSendersReached Code = "ReplicationMaxWalSendersReached"
	ReplicationConnectionDown       Code = "ReplicationConnectionDown"
	ReplicationSlotNotAlive         Code = "ReplicationSlotNotAlive"
	ReplicationSlotLagTooHigh       Code = "ReplicationSlotLagTooHigh"
	ReplicationSlotCheckSkipped     Code = "ReplicationSlotCheckSkipped"
	UnableToBroadcastChanges        Code = "UnableToBroadcastChanges"
	UnexpectedMessageReceived       Code = "UnexpectedMessageReceived"
	UnknownError                    Code = "UnknownError"
	EncryptionReconcileFailed       Code = "EncryptionReconcileFailed"
	WarnSendingBroadcastMessage     Code = "WarnSendingBroadcastMessage"
)

// HTTP and background work.
const (
	UnprocessableEntity              Code = "UnprocessableEntity"
	UnknownErrorOnController         Code = "UnknownErrorOnController"
	UnableToDeleteTenant             Code = "UnableToDeleteTenant"
	HttpServerError                  Code = "HttpServerError"
	HttpClientError                  Code = "HttpClientError"
	JanitorFailedToDeleteOldMessages Code = "JanitorFailedToDeleteOldMessages"
	MetricsPusherTimeout             Code = "MetricsPusherTimeout"
	MetricsPusherFailed              Code = "MetricsPusherFailed"
)
