package tenancy

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Whoever has the same token has the same claims, which are made once.
func TestOneTokenOneClaims(t *testing.T) {
	tenant := tenantWith(t, secret, nil, "")
	token := hs(t, good)
	first, err := tenant.Verify(token, now)
	if err != nil {
		t.Fatal(err)
	}
	if first.Token != token {
		t.Errorf("the claims are of %q", first.Token)
	}
	again, err := tenant.Verify(token, now.Add(time.Second))
	if err != nil || again != first {
		t.Errorf("again: %p, %v, want %p", again, err, first)
	}
	if allocs := testing.AllocsPerRun(100, func() { _, _ = tenant.Verify(token, now) }); allocs > 1 { // what is hashed
		t.Errorf("%v allocations", allocs)
	}
}

// What was verified is verified for a token, under a row and in its time, and for nothing else.
func TestVerifiedDoesNotCarryOver(t *testing.T) {
	tenant := tenantWith(t, secret, nil, "")
	token := hs(t, good)
	if _, err := tenant.Verify(token, now); err != nil {
		t.Fatal(err)
	}
	if _, err := tenant.Verify(token[:len(token)-4]+"AAAA", now); err == nil {
		t.Error("a token with another signature was accepted")
	}
	if _, err := tenant.Verify(token, time.Unix(1_800_000_060, 0)); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("at its end: %v", err)
	}
	rotated := tenantWith(t, "another secret of another row, long enough", nil, "")
	rotated.env = tenant.env
	if _, err := rotated.Verify(token, now); err == nil {
		t.Error("the row with another secret accepted it")
	}
}

func TestVerifiedIsBounded(t *testing.T) {
	tenant := tenantWith(t, secret, nil, "")
	for i := range mostVerified + 100 {
		if _, err := tenant.Verify(hs(t, fmt.Sprintf(`{"role":"anon","exp":1800000060,"sub":"%d"}`, i)), now); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(tenant.env.verified.claims); n != mostVerified {
		t.Errorf("%d tokens are remembered, want %d", n, mostVerified)
	}
	long := hs(t, `{"role":"anon","exp":1800000060,"sub":"`+strings.Repeat("x", longestVerified)+`"}`)
	a, err := tenant.Verify(long, now)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := tenant.Verify(long, now); err != nil || a == b {
		t.Errorf("a token of %d bytes is remembered: %v", len(long), err)
	}
}
