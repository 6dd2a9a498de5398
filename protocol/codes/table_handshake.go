package codes

// handshakeTable is what can refuse a WebSocket handshake.
var handshakeTable = []Entry{
	{
		Code: TenantNotFound, Level: levelWarn, Counted: true, Text: "Tenant not found", Status: 404, Effect: CloseSocket,
		Meaning: "No tenant has the name that the request was resolved to, or it was deleted after the socket connected.",
		Remedy:  "Compare the name and the rule in the log line with the tenants there are; behind a proxy, check that it passes the Host header on.",
	}, {
		Code: MissingAPIKey, Level: levelWarn, Text: "API key is missing", Status: 401, Effect: Refuse,
		Meaning: "The handshake had neither an x-api-key header nor an apikey parameter that is a plain string.",
		Remedy:  "Pass the key to the client library; check that no proxy strips the query string.",
	}, {
		Code: MalformedJWT, Level: levelWarn, Counted: true, Text: "The token provided is not a valid JWT", Status: 401, Effect: Refuse,
		Meaning: "The token is not three parts of base64url that hold JSON.",
		Remedy:  "Look at where the client gets its token: often it is an opaque key, an empty string or a token cut short.",
	}, {
		Code: InvalidJWTToken, Level: levelWarn, Quiet: true, Text: "Token has expired", Status: 401, Effect: Refuse,
		Meaning: "The token has expired or lacks the claims role or exp.",
		Remedy:  "Let the client refresh its token before it expires; compare the clocks of the issuer and this server.",
	}, {
		Code: ErrorConnectingToWebsocket, Level: levelWarn, Text: "Error connecting to Realtime", Status: 500, Effect: Refuse,
		Meaning: "The token could not be checked, for a reason that no other code names.",
		Remedy:  "Read the cause in the log line; most are claims of the wrong type or a claim that JWT_CLAIM_VALIDATORS requires.",
	}, {
		Code: RealtimeDisabledForTenant, Level: levelWarn, Counted: true, Text: "Realtime disabled for this tenant", Status: 403, Effect: Refuse,
		Meaning: "The tenant is suspended.",
		Remedy:  "Set suspend to false on the tenant to let it in again.",
	}, {
		Code: ConnectionRateLimitReached, Level: levelWarn, Counted: true, Text: "Too many connected users", Status: 429, Effect: Refuse,
		Meaning: "As many sockets with a channel are open as max_concurrent_users allows.",
		Remedy:  "Raise max_concurrent_users on the tenant, or find the client that opens sockets without closing them.",
	}, {
		Code: JoinsRateLimitReached, Level: levelWarn, Counted: true, Text: "Too many joins per second", Status: 429, Effect: Refuse,
		Meaning: "A handshake came while the tenant's joins were over max_joins_per_second.",
		Remedy:  "Wait for the average over a minute to sink, or raise max_joins_per_second; a client that joins in a loop shows in the join counts.",
	},
}
