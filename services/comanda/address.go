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

// How long a container's name may take to be known after its start, and how often we ask.
const (
	addressTimeout  = 30 * time.Second
	addressInterval = 200 * time.Millisecond
)

// ownAddress finds this container's address on one of its networks: the one that is an address of its own among those a name
// has there. The name has to be an alias on that network alone; replicas may share it. Docker gives no better way, and
// gives another address after every restart.
func ownAddress(ctx context.Context, name string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, addressTimeout)
	defer cancel()
	for {
		address, err := findOwn(ctx, name)
		if err == nil {
			return address, nil
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("no address of our own is known as %s: %w: is it an alias on a network of this container?", name, err)
		case <-time.After(addressInterval):
		}
	}
}

func findOwn(ctx context.Context, name string) (string, error) {
	known, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", name)
	if err != nil {
		return "", err
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return "", err
	}
	address, found := common(known, own)
	if !found {
		return "", errors.New("it is another's")
	}
	return address.String(), nil
}

// common returns an address that is in both lists.
func common(known []netip.Addr, own []net.Addr) (netip.Addr, bool) {
	for _, each := range own {
		prefix, err := netip.ParsePrefix(each.String())
		if err == nil && slices.Contains(known, prefix.Addr().Unmap()) {
			return prefix.Addr().Unmap(), true
		}
	}
	return netip.Addr{}, false
}
