package cases

import (
	"testing"

	"realtime/tests/tenants"
)

var disconnectRows = []row{
	as(122, "tenant deleted since", row122),
	differs(254, "disconnect by an administrator", "the message names its channel (quirk Q35)", row254),
	as(255, "disconnect of a socket without channels", row255),
	as(256, "other settings", row256),
	as(261, "topic named like another tenant's operations", row261),
}

// change writes columns of a tenant and tells the server.
func (h *house) change(t *testing.T, id, columns string) {
	t.Helper()
	row := tenants.Change(t, h.store, id, columns)
	h.cache.Invalidate(id)
	h.system.Changed(row)
}

// row122: the tenant is deleted behind the server's back.
func row122(t *testing.T, h *house) {
	needsSweep(t)
	id := h.tenant(t, "")
	s := h.dial(t, id)
	s.join("realtime:a", `{}`)
	if _, err := h.store.Delete(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	h.cache.Invalidate(id)
	eventually(t, "the server notices", func() bool {
		s.send(joinOf("1", "realtime:b", `{"config":{}}`))
		reply := s.next()
		if s.n.match(reply, `["1","1","realtime:b","phx_reply",`+joined+`]`) == nil {
			s.send(`["1","2","realtime:b","phx_leave",{}]`)
			s.want(`["1","2","realtime:b","phx_reply",`+done+`]`, `["1","1","realtime:b","phx_close",{}]`)
			return false
		}
		if err := s.n.match(reply, `["1","1","realtime:b","phx_reply",`+failure(t, "TenantNotFound: Tenant with the given ID does not exist")+`]`); err != nil {
			t.Fatal(err)
		}
		return true
	})
	s.wantClose(1001)
}

// requested is the last word on a topic.
func requested(topic string) string {
	return `[null,null,"realtime:` + topic + `","system",{"channel":"` + topic + `","extension":"system","message":"Server requested disconnect","status":"ok"}]`
}

func row254(t *testing.T, h *house) {
	const otherKey = `{"keys":[{"kty":"oct","kid":"k","k":"YS1rZXktdGhhdC1pcy1sb25nLWVub3VnaC10by1zaWduLXdpdGg"}]}`
	for name, change := range map[string]func(t *testing.T, id string){
		"secret": func(t *testing.T, id string) {
			h.change(t, id, `"jwt_secret":"another-secret-that-is-long-enough-too"`)
		},
		"keys":         func(t *testing.T, id string) { h.change(t, id, `"jwt_jwks":`+otherKey) },
		"private only": func(t *testing.T, id string) { h.change(t, id, `"private_only":true`) },
		"suspended":    func(t *testing.T, id string) { h.change(t, id, `"suspend":true`) },
		"deleted":      func(_ *testing.T, id string) { h.system.Removed(id) },
		"behind the server's back": func(t *testing.T, id string) {
			needsSweep(t)
			tenants.Change(t, h.store, id, `"suspend":true`)
			h.cache.Invalidate(id)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id, other := h.tenant(t, ""), h.dial(t, h.tenant(t, ""))
			s, v1 := h.dial(t, id), h.dialV1(t, id)
			s.join("realtime:a", `{}`)
			s.join("realtime:b", `{}`)
			v1.join("realtime:a", `{}`)
			other.join("realtime:a", `{}`)
			change(t, id)
			s.wantAny(requested("a"), requested("b"))
			s.wantClose(1012)
			v1.want(`{"topic":"realtime:a","event":"system","payload":{"channel":"a","extension":"system","message":"Server requested disconnect","status":"ok"},"ref":null}`)
			v1.wantClose(1012)
			other.fenceIn("1", "realtime:a")
		})
	}
}

func row255(t *testing.T, h *house) {
	id := h.tenant(t, "")
	s := h.dial(t, id)
	h.change(t, id, `"private_only":true`)
	s.wantClose(1012)
}

// row256: that the change arrived shows by its effect.
func row256(t *testing.T, h *house) {
	id := h.tenant(t, "")
	s := h.dial(t, id)
	s.join("realtime:a", `{}`)
	h.change(t, id, `"max_channels_per_client":1,"max_events_per_second":7,"presence_enabled":true,"name":"another"`)
	eventually(t, "the new limit is in force", func() bool {
		s.send(joinOf("1", "realtime:b", `{"config":{}}`))
		reply := s.next()
		if s.n.match(reply, tooManyChannels("1", "realtime:b")) == nil {
			return true
		}
		if err := s.n.match(reply, `["1","1","realtime:b","phx_reply",`+joined+`]`); err != nil {
			t.Fatal(err)
		}
		s.send(`["1","2","realtime:b","phx_leave",{}]`)
		s.want(`["1","2","realtime:b","phx_reply",`+done+`]`, `["1","1","realtime:b","phx_close",{}]`)
		return false
	})
	s.fenceIn("1", "realtime:a")
}

func row261(t *testing.T, h *house) {
	x, y := h.tenant(t, ""), h.tenant(t, "")
	eavesdropper, victim := h.dial(t, x), h.dial(t, y)
	topic := "realtime:operations:" + y
	eavesdropper.join(topic, `{}`)
	victim.join("realtime:a", `{}`)
	h.change(t, y, `"private_only":true`)
	victim.want(requested("a"))
	victim.wantClose(1012)
	eavesdropper.fenceIn("1", topic)
}
