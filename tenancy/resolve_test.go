package tenancy

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"realtime/postgres/pgtest"
	"realtime/protocol/codes"
)

func TestHostLabels(t *testing.T) {
	for _, c := range []struct{ host, name, label string }{
		{"realtime-dev.supabase-realtime:4000", "realtime-dev.supabase-realtime", "realtime-dev"},
		{"realtime-dev.localhost", "realtime-dev.localhost", "realtime-dev"},
		{"realtime", "realtime", "realtime"},
		{"localhost:4000", "localhost", "localhost"},
		{"127.0.0.1", "127.0.0.1", "127"},
		{"127.0.0.1:4000", "127.0.0.1", "127"},
		{"abc.realtime.example.com", "abc.realtime.example.com", "abc"},
		{"ABC.Example.COM:80", "abc.example.com", "abc"},
		{"abc.example.com.", "abc.example.com", "abc"},
		{"[::1]:4000", "::1", ""},
		{"[::1]", "::1", ""},
		{"::1", "::1", ""},
		{"[2001:db8::7]:443", "2001:db8::7", ""},
		{"[fe80::1%25eth0]:80", "fe80::1%25eth0", ""},
		{"", "", ""},
		{":4000", "", ""},
		{".example.com", ".example.com", ""},
		{" acme.example ", "acme.example", "acme"},
		{"acme:", "acme", "acme"},
	} {
		if got := hostName(c.host); got != c.name {
			t.Errorf("hostName(%q) = %q, want %q", c.host, got, c.name)
		}
		if got := firstLabel(hostName(c.host)); got != c.label {
			t.Errorf("first label of %q = %q, want %q", c.host, got, c.label)
		}
	}
}

func TestResolveRules(t *testing.T) {
	store := openStore(t, pgtest.DB(t), StoreOptions{})
	addTenant(t, store, tenantJSON("one"))
	single := NewCache(store, time.Minute)
	if _, err := single.firstNames(t.Context()); err != nil { // what there is, before there is more
		t.Fatal(err)
	}
	single.now = func() time.Time { return now } // and that it stays so
	single.names.until = now.Add(time.Hour)
	addTenant(t, store, tenantJSON("two"))
	addTenant(t, store, tenantJSON("127"))
	many := NewCache(store, time.Minute)
	hosts := map[string]string{"two.example": "one", "void.example": "nobody"}
	header := func(id string) http.Header { return http.Header{TenantHeader: {id}} }
	for _, c := range []struct {
		name  string
		r     Resolver
		host  string
		h     http.Header
		want  string // "" is a refusal
		tried string // of a refusal
	}{
		{"header first", Resolver{Cache: many, TrustHeader: true, Hosts: hosts, SelfHostName: "two"}, "two.example", header("127"), "127", ""},
		{"header not trusted", Resolver{Cache: many}, "two.example", header("one"), "two", ""},
		{"no header, trusted", Resolver{Cache: many, TrustHeader: true}, "two.example", http.Header{}, "two", ""},
		{"header names nobody", Resolver{Cache: many, TrustHeader: true, SelfHostName: "one"}, "two.example", header("nobody"), "", `header x-tenant-id ("nobody")`},
		{"header of bad bytes", Resolver{Cache: many, TrustHeader: true}, "two.example", header("a\x00\xff"), "", `header x-tenant-id ("a\x00\xff")`},
		{"host map before label", Resolver{Cache: many, Hosts: hosts}, "TWO.example:4000", nil, "one", ""},
		{"host map names nobody", Resolver{Cache: many, Hosts: hosts, SelfHostName: "one"}, "void.example", nil, "", `host map ("nobody")`},
		{"first label", Resolver{Cache: many, SelfHostName: "one"}, "two.realtime.example.com:4000", nil, "two", ""},
		{"whole host", Resolver{Cache: many, SelfHostName: "one"}, "two", nil, "two", ""},
		{"only the first label", Resolver{Cache: many}, "www.two.com", nil, "", `first label of the host ("www")`},
		{"address as upstream reads it", Resolver{Cache: many}, "127.0.0.1:4000", nil, "127", ""},
		{"self-host name", Resolver{Cache: many, SelfHostName: "one"}, "localhost:4000", nil, "one", ""},
		{"self-host name, IPv6", Resolver{Cache: many, SelfHostName: "one"}, "[::1]:4000", nil, "one", ""},
		{"self-host name of nobody", Resolver{Cache: many, SelfHostName: "gone"}, "localhost", nil, "", `first label of the host ("localhost"), SELF_HOST_TENANT_NAME ("gone")`},
		{"the only tenant", Resolver{Cache: single}, "localhost", nil, "one", ""},
		{"the only tenant, self-host name of nobody", Resolver{Cache: single, SelfHostName: "gone"}, "localhost", nil, "one", ""},
		{"the only tenant, no host", Resolver{Cache: single}, "", nil, "one", ""},
		{"several tenants", Resolver{Cache: many}, "localhost", nil, "", `first label of the host ("localhost")`},
	} {
		got, err := c.r.Resolve(t.Context(), c.host, c.h)
		if c.want != "" {
			if err != nil || got.ExternalID != c.want {
				t.Errorf("%s: got %v, %v, want %q", c.name, got, err, c.want)
			}
			continue
		}
		f, ok := errors.AsType[*codes.Fault](err)
		if !ok || f.Code != codes.TenantNotFound || got != nil {
			t.Errorf("%s: got %v, %v, want TenantNotFound", c.name, got, err)
			continue
		}
		if cause := f.Unwrap().Error(); !strings.Contains(cause, "tried "+c.tried+"; ") || !strings.Contains(cause, `the tenants are "127", "one", "two"`) {
			t.Errorf("%s: cause is %q, want %q", c.name, cause, c.tried)
		}
		if strings.Contains(f.Text, "two") {
			t.Errorf("%s: the text names tenants: %q", c.name, f.Text)
		}
	}
}

func TestResolveRefusalNamesAtMostTen(t *testing.T) {
	store := openStore(t, pgtest.DB(t), StoreOptions{})
	r := &Resolver{Cache: NewCache(store, 0)}
	_, err := r.Resolve(t.Context(), "acme.example", nil)
	f := codes.Of(err)
	if f.Text != "Tenant not found: acme" || !strings.Contains(err.Error(), `host "acme.example": tried first label of the host ("acme"); there are no tenants`) {
		t.Errorf("without tenants: %v", err)
	}
	for i := range 12 {
		addTenant(t, store, tenantJSON(fmt.Sprintf("t%02d", i)))
	}
	r.Cache.Invalidate("acme")
	_, err = r.Resolve(t.Context(), strings.Repeat("x", 5000)+".example", nil)
	if err == nil || !strings.Contains(err.Error(), `the first 10 tenants are "t00", `) || strings.Contains(err.Error(), "t10") {
		t.Errorf("with twelve: %v", err)
	}
	if len(err.Error()) > 1000 {
		t.Errorf("the refusal of a long host has %d bytes", len(err.Error()))
	}
}

func FuzzHostName(f *testing.F) {
	for _, s := range []string{"a.b:1", "[::1]:4000", "[", "]", ":", "..", "[a]b:c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name := hostName(s)
		if label := firstLabel(name); strings.ContainsAny(label, ".:") {
			t.Errorf("label %q of %q", label, s)
		}
		if name != strings.ToLower(name) {
			t.Errorf("host %q of %q is not in lower case", name, s)
		}
	})
}
