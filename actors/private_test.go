package actors

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"realtime/postgres"
	"realtime/postgres/pgtest"
	"realtime/protocol/codes"
)

// newPrivateSite is a site whose database has the schema realtime and these policies.
func newPrivateSite(t *testing.T, policies ...string) *site {
	t.Helper()
	s := newSite(t, Options{})
	if _, err := postgres.PrepareTenant(t.Context(), pgtest.Conn(t, s.db), time.Now()); err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, s.db, policies...)
	return s
}

// members are policies that let in who is listed for the topic: read, write, or both, by extension.
var members = []string{
	`create table public.members (topic text, user_id uuid, extension text, reads boolean, writes boolean)`,
	`alter table public.members enable row level security`,
	`grant select on public.members to authenticated`,
	`create policy own on public.members for select using (user_id = (select auth.uid()))`,
	`create policy may_read on realtime.messages for select to authenticated using (exists (
		select from public.members m where m.topic = realtime.topic() and m.extension = messages.extension and m.reads))`,
	`create policy may_write on realtime.messages for insert to authenticated with check (exists (
		select from public.members m where m.topic = realtime.topic() and m.extension = messages.extension and m.writes))`,
}

func (s *site) let(user, topic, extension string, reads, writes bool) {
	s.t.Helper()
	pgtest.Exec(s.t, s.db, fmt.Sprintf(`delete from public.members where topic='%s' and user_id='%s' and extension='%s';
		insert into public.members values ('%[1]s', '%[2]s', '%[3]s', %[4]t, %[5]t)`, topic, user, extension, reads, writes))
}

const done = `"phx_reply",{"status":"ok","response":{}}]`

// enter joins a private topic with ref 1.
func (c *caller) enter(topic, config string) {
	c.t.Helper()
	c.p.send(`["1","1","realtime:` + topic + `","phx_join",{"config":{"private":true,` + config + `}}]`)
	c.want(`"phx_reply",{"status":"ok"`)
}

func (c *caller) say(n string) {
	c.p.send(`["1","` + n + `","realtime:room","broadcast",{"type":"broadcast","event":"e","payload":{"n":` + n + `}}]`)
}

const ackOnly = `"broadcast":{"ack":true}`

func TestPrivateChannelsAskThePolicies(t *testing.T) {
	s := newPrivateSite(t, members...)
	s.let(alice, "room", "broadcast", true, true)
	s.let(bob, "room", "broadcast", true, false)
	a, b := s.connect(alice), s.connect(bob)
	a.enter("room", ackOnly)
	b.enter("room", ackOnly)
	a.say("7")
	a.want(`["1","7",`, done)
	b.want(`"broadcast",{"type":"broadcast","event":"e","payload":{"n":7}}]`)
	b.say("8") // dropped without an answer
	b.say("9")
	a.quiet(300 * time.Millisecond)
	b.quiet(10 * time.Millisecond)
	if n := strings.Count(s.log.String(), "write broadcast denied"); n != 1 {
		t.Errorf("the refused writes are logged %d times, want once", n)
	}
	// A stranger is refused; the log says why and what would help.
	c := s.connect("33333333-3333-4333-8333-333333333333")
	c.p.send(`["1","1","realtime:room","phx_join",{"config":{"private":true}}]`)
	c.want(`["1","1","realtime:room","phx_reply",{"status":"error","response":{"reason":"Unauthorized: You do not have permissions to read from this Channel topic: room"}}]`)
	for _, part := range []string{"code=Unauthorized", `there are SELECT policies on realtime.messages for role`, `create policy`, `for select to`} {
		if !strings.Contains(s.log.String(), part) {
			t.Errorf("the log lacks %s", part)
		}
	}
	// The public channel of that name is another.
	c.p.send(`["2","2","realtime:room","phx_join",{"config":{"broadcast":{"self":true}}}]`)
	c.want(`"phx_reply",{"status":"ok"`)
	a.say("10")
	a.want(`["1","10",`, done)
	b.want(`"n":10`)
	c.quiet(100 * time.Millisecond)
}

// What a member may hear is decided for broadcasts and presence apart.
func TestPrivateHearing(t *testing.T) {
	s := newPrivateSite(t, members...)
	s.let(alice, "room", "broadcast", true, true)
	s.let(alice, "room", "presence", true, true)
	s.let(bob, "room", "presence", true, false)
	a, b := s.connect(alice), s.connect(bob)
	a.enter("room", `"presence":{"enabled":true,"key":"a"}`)
	a.want(`"presence_state",{}`)
	b.enter("room", `"presence":{"enabled":true,"key":"b"}`)
	b.want(`"presence_state",{}`)
	a.say("1")
	a.p.send(`["1","2","realtime:room","presence",{"event":"track","payload":{"at":"desk"}}]`)
	a.want(`[null,null,"realtime:room","presence_diff"`)
	a.want(`["1","2",`, done)
	b.want(`"presence_diff"`, `"at":"desk"`) // and no broadcast before it
	for range 8 {
		b.p.send(`["1","3","realtime:room","presence",{"event":"track","payload":{}}]`)
		b.want(`["1","3","realtime:room","phx_reply",{"status":"error","response":{}}]`)
	}
	if !strings.Contains(s.log.String(), "code=UnableToHandlePresence") {
		t.Error("the refused track is not logged")
	}
	b.p.send(`["1","4","realtime:room","presence",{"event":"untrack"}]`)
	b.want(`["1","4",`, done)
	// Without presence asked for, broadcast alone lets in, and presence is heard from the first track on.
	s.let(bob, "hall", "presence", true, true)
	b.p.send(`["2","2","realtime:hall","phx_join",{"config":{"private":true}}]`)
	b.want(`"status":"error"`, "Unauthorized")
	s.let(bob, "hall", "broadcast", true, true)
	b.p.send(`["2","2","realtime:hall","phx_join",{"config":{"private":true}}]`)
	b.want(`["2","2","realtime:hall","phx_reply",{"status":"ok"`)
	s.let(alice, "hall", "broadcast", true, false)
	s.let(alice, "hall", "presence", true, true)
	a.enter("hall", `"presence":{"enabled":true,"key":"a"}`)
	a.want(`"presence_state"`)
	a.p.send(`["1","5","realtime:hall","presence",{"event":"track","payload":{"n":1}}]`)
	a.want(`"presence_diff"`)
	a.want(done)
	b.quiet(100 * time.Millisecond)
	b.p.send(`["2","6","realtime:hall","presence",{"event":"track","payload":{"n":2}}]`)
	b.want(`["2",null,"realtime:hall","presence_diff"`, `"n":2`)
	b.want(`["2","6",`, done)
	a.want(`[null,null,"realtime:hall","presence_diff"`, `"n":2`)
	a.p.send(`["1","7","realtime:hall","presence",{"event":"untrack"}]`)
	b.want(`["2",null,"realtime:hall","presence_diff"`, `"leaves":{"a"`)
}

// fresh sends a token that is another than those before.
func (s *site) fresh(c *caller, sub string) {
	s.t.Helper()
	s.tokens++
	c.p.send(`["1","9","realtime:room","access_token",{"access_token":"` + s.token(sub, time.Hour+time.Duration(s.tokens)*time.Second) + `"}]`)
}

func TestRefreshAsksAgain(t *testing.T) {
	s := newPrivateSite(t, members...)
	s.let(alice, "room", "broadcast", true, true)
	s.let(alice, "room", "presence", true, true)
	s.let(bob, "room", "broadcast", true, true)
	a, b := s.connect(alice), s.connect(bob)
	a.enter("room", ackOnly+`,"presence":{"enabled":true,"key":"a"}`)
	a.want(`"presence_state"`)
	b.enter("room", ackOnly)
	// A write that was lost is lost with the new token, for what is pushed right behind it too.
	s.let(alice, "room", "broadcast", true, false)
	s.fresh(a, alice)
	a.say("1")
	b.quiet(300 * time.Millisecond)
	s.let(alice, "room", "broadcast", true, true)
	s.fresh(a, alice)
	a.say("2")
	a.want(`["1","2",`, done)
	b.want(`"n":2`)
	// One of two rights to read is lost, then both.
	s.let(alice, "room", "presence", false, true)
	s.fresh(a, alice)
	a.want(`["1",null,"realtime:room","system",{"channel":"room","extension":"system","message":"You no longer have permission to read from this Channel topic: room","status":"error"}]`)
	a.want(`["1","1","realtime:room","phx_close",{}]`)
	s.let(bob, "room", "broadcast", false, false)
	s.fresh(b, bob)
	b.want(`"message":"You do not have permissions to read from this Channel topic: room","status":"error"`)
	b.want(`phx_close`)
	// A right that was gained counts from then on.
	s.let(bob, "room", "presence", true, true)
	s.let(alice, "room", "presence", true, true)
	b.enter("room", `"presence":{"enabled":true,"key":"b"}`)
	b.want(`"presence_state"`)
	a.enter("room", ackOnly+`,"presence":{"enabled":true,"key":"a"}`)
	a.want(`"presence_state"`)
	a.say("3")
	a.want(done)
	s.let(bob, "room", "broadcast", true, false)
	s.fresh(b, bob)
	eventually(t, "bob hears broadcasts", func() bool {
		a.say("4")
		a.want(done)
		select {
		case f := <-b.ch:
			return strings.Contains(f, `"n":4`)
		case <-time.After(100 * time.Millisecond):
			return false
		}
	})
}

// A policy that is dropped ends what it granted, without a new token and without a rejoin.
func TestPolicyChangeIsNoticed(t *testing.T) {
	s := newPrivateSite(t, `create policy all_in on realtime.messages for all to authenticated using (true) with check (true)`)
	a := s.connect(alice)
	a.enter("room", ackOnly)
	pgtest.Exec(t, s.db, `drop policy all_in on realtime.messages`)
	a.want(`"message":"You do not have permissions to read from this Channel topic: room"`)
	a.want(`phx_close`)
}

// A client that refreshes a thousand times costs a few questions: while one is asked, only the latest token is kept.
func TestThousandRefreshes(t *testing.T) {
	s := newPrivateSite(t, members...)
	s.let(alice, "room", "broadcast", true, true)
	a := s.connect(alice)
	a.enter("room", ackOnly)
	for i := range 1000 {
		a.p.send(`["1","9","realtime:room","access_token",{"access_token":"` + s.token(alice, time.Hour+time.Duration(i)*time.Second) + `"}]`)
	}
	a.say("1")
	a.want(`["1","1",`, done)
}

func TestPolicyErrorsDeny(t *testing.T) {
	s := newPrivateSite(t, `create policy bad on realtime.messages for select to authenticated using (realtime.topic() <> 'zero' or 1/(length(topic)-4) = 1)`,
		`create policy bad_write on realtime.messages for insert to authenticated with check (1/(length(topic)-length(topic)) = 1)`,
		`create policy slow on realtime.messages as restrictive for select to authenticated using (realtime.topic() <> 'slow' or pg_sleep(10) is null)`)
	a := s.connect(alice)
	a.p.send(`["1","1","realtime:zero","phx_join",{"config":{"private":true}}]`)
	a.want(`Unauthorized: You do not have permissions to read from this Channel topic: zero"}}]`)
	if log := s.log.String(); !strings.Contains(log, "code="+string(codes.RlsPolicyError)) || !strings.Contains(log, "division by zero") {
		t.Error("the policy's error is not logged")
	}
	a.enter("room", ackOnly)
	a.say("1") // the policy for writing raises: dropped
	a.quiet(100 * time.Millisecond)
	a.p.send(`["2","2","realtime:slow","phx_join",{"config":{"private":true}}]`)
	a.want(`["2","2","realtime:slow","phx_reply",{"status":"error","response":{"reason":"QueryCanceled: `)
}
