package cases

import (
	"strings"
	"testing"
	"time"

	"realtime/postgres/pgtest"
)

var waitRows = []row{
	as(265, "wait in vain", row265),
	as(266, "wait for what cannot be", row266),
	as(267, "how long a join waits", row267),
	as(268, "wait for nothing", row268),
	as(269, "wait", row269),
}

// waiting is a join with one entry and options.
func waiting(table, options string) string {
	return `{"config":{"postgres_changes":[{"event":"INSERT","schema":"app","table":"` + table + `"}],"postgres_changes_options":` + options + `}}`
}

const timedOut = "PostgresChangesSubscribeTimeout: Timed out after %dms waiting for the postgres_changes subscription"

func row265(t *testing.T, h *house) {
	id := h.tenantOn(t, away(h), `,"max_concurrent_users":1`)
	s := h.dial(t, id)
	s.refused(waiting("waited", `{"wait":true,"timeout":100}`), strings.Replace(timedOut, "%d", "100", 1))
	h.dial(t, id).joinSoon("realtime:b") // it was not counted as a user
}

func row266(t *testing.T, h *house) {
	s := h.dial(t, h.changes)
	s.send(joinOf("1", "realtime:r266", waiting("hidden", `{"wait":true}`)))
	s.want(`["1","1","realtime:r266","phx_reply",{"status":"error","response":{"reason":"$reason"}}]`)
	after(t, s.n["reason"], "RealtimeDisabledForConfiguration: Unable to subscribe to changes with given parameters. Please check Realtime is enabled")
}

// row267 waits for real: the two times are what it is about.
func row267(t *testing.T, h *house) {
	if testing.Short() {
		t.Skip("waits for 20 s")
	}
	id := h.tenantOn(t, away(h), "")
	for options, ms := range map[string]string{`{"wait":"true"}`: "15000", `{"wait":true,"timeout":60000}`: "20000"} {
		t.Run(ms, func(t *testing.T) {
			t.Parallel()
			s := h.dial(t, id)
			begun := time.Now()
			s.refused(waiting("waited", options), strings.Replace(timedOut, "%d", ms, 1))
			want, _ := time.ParseDuration(ms + "ms") // a constant
			if took := time.Since(begun); took < want || took > want+30*time.Second {
				t.Errorf("refused after %v", took)
			}
		})
	}
}

func row268(t *testing.T, h *house) {
	s := h.dial(t, h.tenantOn(t, away(h), ""))
	s.join("realtime:a", `{"postgres_changes":[],"postgres_changes_options":{"wait":true}}`)
}

func row269(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	s.send(joinOf("1", "realtime:a", waiting("waited", `{"wait":true}`)))
	s.want(changesReply("realtime:a", `{"event":"INSERT","schema":"app","table":"waited","id":"$id"}`), subscribed("a"))
	pgtest.Exec(t, h.db, `insert into app.waited values (1)`)
	s.want(changeOf("realtime:a", "INSERT", "waited", `[{"name":"id","type":"int4"}]`, `"record":{"id":1}`))
}
