package main

import (
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"comanda/services/internal/rest"
)

// proxies are the networks of the reverse proxies in front of the gateway. The headers that name the client, X-Forwarded-For and
// Forwarded, are trusted only from them.
type proxies []netip.Prefix

// UnmarshalText reads a comma-separated list of networks and single addresses.
func (p *proxies) UnmarshalText(text []byte) error {
	for _, part := range listItems(text) {
		network, ok := parseNetwork(part)
		if !ok {
			return errors.New("must be a list of networks such as 10.0.0.0/8,192.168.1.7")
		}
		*p = append(*p, network)
	}
	return nil
}

// parseNetwork reads a network, or a single address as the network of that address. It refuses a zone (fe80::1%eth0): the address
// of a client has none when it is compared, so such a network would never match.
func parseNetwork(text string) (netip.Prefix, bool) {
	if network, err := netip.ParsePrefix(text); err == nil {
		return network.Masked(), true
	}
	address, err := netip.ParseAddr(text)
	if err != nil || address.Zone() != "" {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(address, address.BitLen()), true
}

// listItems returns the items of a comma-separated setting, without the spaces around them. A comma at the end adds no item.
func listItems(text []byte) (items []string) {
	for item := range strings.SplitSeq(string(text), ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// address returns the client address of r: the nearest hop that is not a trusted proxy. An IPv6 client is identified by its
// /64, because one client usually has all addresses of that network.
//
// A proxy sets X-Forwarded-For or Forwarded, and may pass on the other as the client sent it. When the two disagree, neither is
// believed, and the client shares the limits of its proxy.
func (p proxies) address(r *http.Request) netip.Prefix {
	client := peerAddress(r)
	if p.contain(client) {
		listed, forwarded := r.Header.Values("X-Forwarded-For"), r.Header.Values("Forwarded")
		fromListed, fromForwarded := p.nearest(client, listedHops(listed)), p.nearest(client, forwardedHops(forwarded))
		switch {
		case len(forwarded) == 0 || fromListed == fromForwarded:
			client = fromListed
		case len(listed) == 0:
			client = fromForwarded
		}
	}
	return clientNetwork(client)
}

// peerAddress returns the address from which r's connection comes.
func peerAddress(r *http.Request) netip.Addr {
	peer, _ := netip.ParseAddrPort(r.RemoteAddr)
	return peer.Addr().Unmap()
}

// clientNetwork returns the network by which a client is known: its IPv4 address, or the /64 of its IPv6 address.
func clientNetwork(client netip.Addr) netip.Prefix {
	bits := client.BitLen()
	if client.Is6() {
		bits = 64
	}
	return netip.PrefixFrom(client.WithZone(""), bits).Masked()
}

// ofConnection returns the client of a connection from peer; "" for a trusted proxy, which has many clients on its connections.
func (p proxies) ofConnection(peer netip.Addr) string {
	if p.contain(peer) {
		return ""
	}
	return clientNetwork(peer).String()
}

// nearest returns the nearest hop that is not a trusted proxy. It starts at the peer's address and follows hops from the last one back. It
// stops early at a hop that is not an address, and returns the proxy that named that hop.
func (p proxies) nearest(address netip.Addr, hops []string) netip.Addr {
	for _, hop := range slices.Backward(hops) {
		before, ok := hopAddress(hop)
		if !ok || !p.contain(address) {
			break
		}
		address = before
	}
	return address
}

func (p proxies) contain(address netip.Addr) bool {
	return slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(address) })
}

// listedHops returns the hops of X-Forwarded-For headers, the client first.
func listedHops(values []string) []string {
	return strings.Split(strings.Join(values, ","), ",")
}

// forwardedHops returns the hops of Forwarded headers (RFC 7239), the client first. A hop without the parameter for is empty. There are none
// when a quote is not closed: a client could hide in it the hops that proxies add behind its own.
func forwardedHops(values []string) []string {
	var hops []string
	elements, closed := rest.SplitUnquoted(strings.Join(values, ","), ',')
	if !closed {
		return nil
	}
	for _, element := range elements {
		if element == "" { // a list may have empty elements (RFC 9110, 5.6.1)
			continue
		}
		hop := ""
		pairs, _ := rest.SplitUnquoted(element, ';')
		for _, pair := range pairs {
			name, value, _ := strings.Cut(pair, "=")
			if strings.EqualFold(strings.TrimSpace(name), "for") {
				hop = rest.Unquote(strings.TrimSpace(value))
			}
		}
		hops = append(hops, hop)
	}
	return hops
}

// hopAddress returns the address of a hop. Some proxies add the port, or an obfuscated port such as :_a (RFC 7239, 6.3); IPv6 addresses then
// stand in brackets.
func hopAddress(hop string) (netip.Addr, bool) {
	hop, _, _ = strings.Cut(strings.TrimSpace(hop), ":_")
	if withPort, err := netip.ParseAddrPort(hop); err == nil {
		return withPort.Addr().Unmap().WithZone(""), true
	}
	address, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(hop, "["), "]"))
	return address.Unmap().WithZone(""), err == nil
}
