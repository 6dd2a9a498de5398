package postgres

import (
	"context"
	"fmt"
	"net"
)

// IPVersion is the address family that a host's name is resolved in.
type IPVersion string

// The families. The zero value takes whichever answers first.
const (
	IPv4 IPVersion = "ipv4"
	IPv6 IPVersion = "ipv6"
)

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
