package postgres_test

import (
	"net"
	"strings"
	"testing"

	"realtime/postgres"
	"realtime/postgres/pgtest"
)

// TestIPVersionChoosesTheAddress: the server listens on 127.0.0.1 alone.
func TestIPVersionChoosesTheAddress(t *testing.T) {
	s := pgtest.DB(t)
	if net.ParseIP(s.Host).To4() == nil {
		t.Skipf("the test server is at %s, which is no IPv4 address", s.Host)
	}
	s.IPVersion = postgres.IPv4
	conn, err := postgres.Connect(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Error(err)
	}
	s.IPVersion = postgres.IPv6
	if _, err := postgres.Connect(t.Context(), s); err == nil || !strings.Contains(err.Error(), "ipv6") {
		t.Errorf("got %v, want that there is no ipv6 address", err)
	}
	s.IPVersion = "ipv5"
	if _, err := postgres.Connect(t.Context(), s); err == nil || !strings.Contains(err.Error(), "ipv5") {
		t.Errorf("got %v", err)
	}
}

// TestOnlyIPv4 is about names; who gives an address, or chose a family, knows.
func TestOnlyIPv4(t *testing.T) {
	six, err := net.DefaultResolver.LookupNetIP(t.Context(), "ip6", "localhost")
	for s, want := range map[*postgres.Settings]bool{
		{Host: "localhost"}: err != nil || len(six) == 0, {Host: "127.0.0.1"}: false, {Host: "::1"}: false, {Host: "/run/pg"}: false,
		{Host: "localhost", IPVersion: postgres.IPv4}: false, {Host: "no-such-host.invalid"}: false,
	} {
		if got := s.OnlyIPv4(t.Context()); got != want {
			t.Errorf("%s: got %v, want %v", s.Host, got, want)
		}
	}
}
