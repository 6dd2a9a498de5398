package codes

// backgroundTable is what can happen to HTTP requests and to work that nobody waits for.
var backgroundTable = []Entry{
	{
		Code: UnprocessableEntity, Level: levelWarn, Text: "Unprocessable entity", Status: 422, Effect: Refuse,
		Meaning: "The body of a request was refused.",
		Remedy:  "The answer names the fields.",
	}, {
		Code: UnknownErrorOnController, Level: levelError, Text: "Unknown error", Status: 422, Effect: Refuse,
		Meaning: "A request failed for a reason that no other code names.",
		Remedy:  "Read the cause in the log line and report it.",
	}, {
		Code: UnableToDeleteTenant, Level: levelError, Text: "Unable to delete tenant", Status: 500, Effect: Refuse,
		Meaning: "A tenant's row is deleted, but what it left behind could not be cleared.",
		Remedy:  "Read the cause in the log line; slots in the tenant's database may be left to drop.",
	}, {
		Code: HttpServerError, Level: levelError, Text: "Internal Server Error", Status: 500, Effect: Refuse,
		Meaning: "A request was answered with a status of 500 or above.",
		Remedy:  "Read the cause in the log line and report it.",
	}, {
		Code: HttpClientError, Level: levelWarn, Text: "Bad Request", Status: 400, Effect: Refuse,
		Meaning: "A request was for an unknown route, or its body could not be read.",
		Remedy:  "Correct the caller.",
	}, {
		Code: JanitorFailedToDeleteOldMessages, Level: levelError, Text: "Scheduled cleanup failed", Effect: None,
		Meaning: "Partitions of realtime.messages older than three days could not be dropped.",
		Remedy:  "End transactions on realtime.messages that go on for long; a role without superuser needs membership in supabase_realtime_admin.",
	}, {
		Code: MetricsPusherTimeout, Level: levelError, Text: "Pushing metrics took too long", Effect: None,
		Meaning: "The receiver of pushed metrics did not answer in a minute.",
		Remedy:  "Check METRICS_PUSHER_URL.",
	}, {
		Code: MetricsPusherFailed, Level: levelError, Text: "Pushing metrics failed", Effect: None,
		Meaning: "The receiver of pushed metrics refused them or could not be reached.",
		Remedy:  "Check METRICS_PUSHER_URL and its credentials.",
	},
}
