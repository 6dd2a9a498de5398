package cases

import (
	"strings"
	"testing"
	"time"

	"realtime/actors"
	"realtime/postgres"
	"realtime/postgres/pgtest"
	"realtime/tenancy"
	"realtime/tests/tenants"
)

// TestCodes meets the codes that no row is about where an operator meets them: in the log, beside the name of the tenant. Each entry
// does what brings it about and names the tenant.
func TestCodes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for code, provoke := range map[string]func(*testing.T, *house) string{
		"ChannelShutdown":                    shutDown,
		"UnableToHandleBroadcast":            sendNull,
		"UnableToPersistMessage":             storeForNoTime,
		"UnableToSetPolicies":                breakTheTable,
		"ErrorStartingPostgresCDC":           breakTheRow,
		"ReplicationPollerConnectionFailed":  leadNowhere,
		"PoolingReplicationPreparationError": dropThePublication,
		"PoolingReplicationError":            cutTheStreams,
		"ReplicationConnectionDown":          cutTheStreams,
		"MigrationsFailedToRun":              allowNothing,
		"PartitionCreationFailed":            takeTheName,
		"StartReplicationFailed":             allowNoReplication,
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			id := provoke(t, h)
			eventually(t, code+" in the log", func() bool { return h.logged(id, `"code":"`+code+`"`) })
		})
	}
	t.Run("ReplicationSlotBeingUsed", func(t *testing.T) {
		t.Parallel()
		serveTwice(t, h)
	})
}

// TestClaimsThatAreAskedFor: a token of another issuer opens no socket, and the log has the code.
func TestClaimsThatAreAskedFor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	validators, err := tenancy.ParseValidators(`{"iss":"me"}`)
	if err != nil {
		t.Fatal(err)
	}
	store := tenants.Open(t, h.db, tenancy.StoreOptions{PoolSize: 1, Validators: validators})
	a := (&house{store: store, db: h.db}).annex(t, nil)
	id := a.tenant(t, "")
	for issuer, want := range map[string]int{"me": 101, "you": 500} {
		if _, r := a.connect(t, id, token(t, "iss", issuer), "vsn=2.0.0"); r.StatusCode != want {
			t.Errorf("issuer %s: %d, want %d", issuer, r.StatusCode, want)
		}
	}
	a.wantLogged(t, id, "ErrorConnectingToWebsocket")
}

const anyChange = `{"config":{"postgres_changes":[{"event":"*","schema":"public"}]}}`

// until reads frames up to one with a text in it.
func (s *socket) until(text string) {
	s.t.Helper()
	for got := ""; !strings.Contains(got, text); {
		got = s.next()
	}
}

func shutDown(t *testing.T, h *house) string {
	id := h.tenant(t, "")
	s := h.dial(t, id)
	s.join("realtime:a", `{}`)
	s.refresh(`"bad"`)
	return id
}

func sendNull(t *testing.T, h *house) string {
	id := h.tenant(t, "")
	s := h.dial(t, id)
	s.join("realtime:a", `{}`)
	s.send(`["1","2","realtime:a","broadcast",null]`)
	return id
}

func storeForNoTime(t *testing.T, h *house) string {
	h.let(t, "notime", "broadcast", "rw")
	id := h.tenant(t, "")
	s := h.dial(t, id)
	s.join("realtime:notime", `{"private":true}`)
	s.store("notime", `{"persist":{"ttl":0}}`, `{}`)
	return id
}

// breakTheTable makes the questions fail for a reason that is no policy's.
func breakTheTable(t *testing.T, h *house) string {
	id, _ := h.ownTenant(t, `alter table realtime.messages rename column extension to other`)
	h.dial(t, id).refused(private, "Realtime was unable to connect to the project database")
	return id
}

func breakTheRow(t *testing.T, h *house) string {
	id := h.tenant(t, "")
	pgtest.Exec(t, h.db, `update _realtime.extensions set settings = jsonb_set(settings::jsonb, '{db_port}', 'true') where tenant_external_id = '`+id+`'`)
	h.dial(t, id).send(joinOf("1", "realtime:a", anyChange))
	return id
}

func leadNowhere(t *testing.T, h *house) string {
	id := h.tenantOn(t, away(h), "")
	h.dial(t, id).send(joinOf("1", "realtime:a", anyChange))
	return id
}

func dropThePublication(t *testing.T, h *house) string {
	id, _ := h.ownTenant(t, `drop publication supabase_realtime`)
	h.dial(t, id).send(joinOf("1", "realtime:a", anyChange))
	return id
}

// cutTheStreams ends both feeds' connections once they stream.
func cutTheStreams(t *testing.T, h *house) string {
	id, db := h.ownTenant(t, `create table public.things (id int primary key)`, `grant select on public.things to anon`,
		`alter publication supabase_realtime add table public.things`, `create policy p on realtime.messages for all to anon using (true)`)
	s := h.dial(t, id)
	s.join("realtime:b", `{"private":true,"broadcast":{"replication_ready":true}}`)
	s.want(streams("b"))
	s.send(joinOf("2", "realtime:a", anyChange))
	s.until("Subscribed to PostgreSQL")
	pgtest.Exec(t, db, `select pg_terminate_backend(active_pid) from pg_replication_slots where active and database = current_database()`)
	return id
}

// allowNothing gives the tenant a role that may log in, on a database that has not been prepared.
func allowNothing(t *testing.T, h *house) string {
	db := pgtest.DB(t)
	return h.as(t, db, "")
}

// allowNoReplication gives it one that may do anything else.
func allowNoReplication(t *testing.T, h *house) string {
	db := pgtest.DB(t)
	prepare(t, db)
	return h.as(t, db, "noreplication in role supabase_realtime_admin")
}

// as makes a tenant with a role of its own, which joins a private channel.
func (h *house) as(t *testing.T, db postgres.Settings, rights string) string {
	t.Helper()
	role := pgtest.Name(t)
	pgtest.Exec(t, h.db, `create role `+role+` login password 'pw' `+rights)
	t.Cleanup(func() { pgtest.Exec(t, h.db, `drop role `+role) })
	db.User, db.Password = role, "pw"
	id := h.tenantOn(t, db, "")
	h.dial(t, id).send(joinOf("1", "realtime:a", private))
	return id
}

// takeTheName gives the name of a day's partition to another table.
func takeTheName(t *testing.T, h *house) string {
	day := "realtime.messages_" + time.Now().UTC().AddDate(0, 0, 3).Format("2006_01_02")
	id, _ := h.ownTenant(t, `create policy p on realtime.messages for all to anon using (true)`, `drop table `+day, `create table `+day+` ()`)
	h.dial(t, id).join("realtime:a", `{"private":true}`) // today's is there
	return id
}

// serveTwice lets two servers read the durable slots of one tenant; the second waits and says so.
func serveTwice(t *testing.T, h *house) {
	durable := func(o *actors.Options) { o.DurableSlot = true }
	first, second := h.annex(t, durable), h.annex(t, durable)
	id, _ := h.ownTenant(t, `create table public.things (id int primary key)`, `grant select on public.things to anon`,
		`alter publication supabase_realtime add table public.things`)
	s := first.dial(t, id)
	s.send(joinOf("1", "realtime:a", anyChange))
	s.until("Subscribed to PostgreSQL")
	other := second.dial(t, id)
	other.send(joinOf("1", "realtime:a", anyChange))
	other.until("Another server reads replication slot")
	second.wantLogged(t, id, `"code":"ReplicationSlotBeingUsed"`)
}
