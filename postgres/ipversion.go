package postgres

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// IPVersion is the address family that a host's name is resolved in.
type IPVersion string

// The families. The zero value takes whichever answers first.
const (
	IPv4 IPVersion = "ipv4"
	IPv6 IPVersion = "ipv6"
)

// OnlyIPv4 reports whether the host is a name that nobody chose an address family for, and that has IPv4 addresses only. What
// cannot be looked up is left to who connects.
func (s Settings) OnlyIPv4(ctx context.Context) bool {
	if s.onSocket() || s.IPVersion != "" {
		return false
	}
	if _, err := netip.ParseAddr(s.Host); err == nil {
		return false
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", s.Host)
	return err == nil && onlyIPv4(ips)
}

func onlyIPv4(ips []netip.Addr) bool {
	return len(ips) > 0 && !slices.ContainsFunc(ips, func(ip netip.Addr) bool { return !ip.Unmap().Is4() })
}

// lookup finds the addresses of host that are of this family; an address is its own.
func (v IPVersion) lookup(ctx context.Context, host string) ([]string, error) {
	network := map[IPVersion]string{IPv4: "ip4", IPv6: "ip6"}[v]
	if network == "" {
		return nil, fmt.Errorf("look up %s: no such address family: %q", host, string(v))
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, network, host)
	if err != nil {
		return nil, fmt.Errorf("look up an %s address: %w", v, err)
	}
	texts := make([]string, len(ips))
	for i, ip := range ips {
		texts[i] = ip.Unmap().String()
	}
	return texts, nil
}
