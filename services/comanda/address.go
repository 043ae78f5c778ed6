package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"
)

const (
	addressTimeout  = 30 * time.Second       // after a container's start, until Docker's DNS knows its name
	addressInterval = 200 * time.Millisecond // between two lookups
)

// ownAddress returns this container's address on one of its networks. It resolves name and picks the address that is also an
// address of this container. The name must be an alias on that network only; replicas may share it. Docker offers no
// better way, and assigns another address after every restart.
func ownAddress(ctx context.Context, name string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, addressTimeout)
	defer cancel()
	for {
		address, err := findOwnAddress(ctx, name)
		if err == nil {
			return address, nil
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("%s resolves to no address of this container: %w: make it an alias on one of the container's networks", name, err)
		case <-time.After(addressInterval):
		}
	}
}

// findOwnAddress is one attempt of ownAddress.
func findOwnAddress(ctx context.Context, name string) (string, error) {
	known, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", name)
	if err != nil {
		return "", err
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return "", err
	}
	address, found := commonAddress(known, own)
	if !found {
		return "", errors.New("its addresses belong to other containers")
	}
	return address.String(), nil
}

// commonAddress returns an address that is in both lists.
func commonAddress(known []netip.Addr, own []net.Addr) (netip.Addr, bool) {
	for _, address := range own {
		prefix, err := netip.ParsePrefix(address.String())
		if err == nil && slices.Contains(known, prefix.Addr().Unmap()) {
			return prefix.Addr().Unmap(), true
		}
	}
	return netip.Addr{}, false
}
