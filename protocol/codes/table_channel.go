package codes

// channelTable is what can happen on an open channel or socket.
var channelTable = []Entry{
	{
		Code: ChannelShutdown, Level: levelWarn, Quiet: true, Text: "The channel was closed by the server", Effect: CloseChannel,
		Meaning: "A channel ended with the system message in the log line.",
		Remedy:  "The message says why; an expired token is the most common.",
	}, {
		Code: MessagePerSecondRateLimitReached, Level: levelWarn, Text: "Too many messages per second", Status: 429, Effect: CloseChannel,
		Meaning: "The tenant's events or changes are over max_events_per_second on average; each delivery counts.",
		Remedy:  "Raise max_events_per_second, send less often, or split busy channels.",
	}, {
		Code: PresenceRateLimitReached, Level: levelWarn, Text: "Too many presence messages per second", Effect: CloseChannel,
		Meaning: "The tenant's presence messages are over max_presence_events_per_second on average; each delivery counts.",
		Remedy:  "Raise max_presence_events_per_second, or track less often and in smaller channels.",
	}, {
		Code: ClientPresenceRateLimitReached, Level: levelWarn, Counted: true, Text: "Client presence rate limit exceeded", Effect: CloseChannel,
		Meaning: "One channel sent more presence messages than its window allows.",
		Remedy:  "Track state that changes slowly, use broadcast for the rest; or raise max_client_presence_events_per_window.",
	}, {
		Code: InvalidPresencePayload, Level: levelWarn, Counted: true, Text: "Presence track payload must be a map", Effect: Refuse,
		Meaning: "A client tracked something that is no object.",
		Remedy:  "Track an object.",
	}, {
		Code: UnknownPresenceEvent, Level: levelWarn, Counted: true, Text: "Unknown presence event", Effect: Refuse,
		Meaning: "A presence message was neither track nor untrack.",
		Remedy:  "Correct the client.",
	}, {
		Code: UnableToHandlePresence, Level: levelWarn, Counted: true, Text: "Unable to handle presence", Effect: Refuse,
		Meaning: "A presence message failed, most often because no policy lets the client write presence.",
		Remedy:  "Write an INSERT policy on realtime.messages for the extension presence.",
	}, {
		Code: UnableToHandleBroadcast, Level: levelWarn, Counted: true, Text: "Unable to handle broadcast", Effect: Refuse,
		Meaning: "A broadcast could not be taken: its payload cannot be sent on, or the right to send could not be checked.",
		Remedy:  "Correct the payload, or see the cause for the database's trouble.",
	}, {
		Code: UnableToPersistMessage, Level: levelError, Text: "Unable to persist message", Effect: None,
		Meaning: "A broadcast that was to be stored was delivered but not stored.",
		Remedy:  "Check the policies for the extension persistence and the partitions of realtime.messages.",
	}, {
		Code: MalformedWebSocketMessage, Level: levelWarn, Counted: true, Text: "The frame is not a message of this protocol", Effect: None,
		Meaning: "A frame was dropped: it is not JSON, not of the connection's version, or lacks fields.",
		Remedy:  "Compare the client's vsn with what it sends.",
	}, {
		Code: UnknownErrorOnWebSocketMessage, Level: levelWarn, Counted: true, Text: "The frame could not be read", Effect: None,
		Meaning: "A frame was dropped: JSON of the wrong kind, or a binary frame of an unknown kind or with wrong lengths.",
		Remedy:  "Compare the client's vsn with what it sends.",
	},
}
