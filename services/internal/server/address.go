package server

import (
	"errors"
	"net"
	"net/netip"
	"strconv"

	"golang.org/x/net/idna"
)

// Port is the setting of a port, 1 to 65535. It excludes 0, which would listen on a random port.
type Port int

// UnmarshalText reads a port from 1 to 65535.
func (p *Port) UnmarshalText(text []byte) error {
	number, err := strconv.ParseUint(string(text), 10, 16)
	if err != nil || number == 0 {
		return errors.New("must be a port, 1 to 65535")
	}
	*p = Port(number)
	return nil
}

// Address returns "host:port".
func (p Port) Address(host Host) string { return net.JoinHostPort(string(host), strconv.Itoa(int(p))) }

// Host is the setting of a host: a name or an IP address, without a port.
type Host string

// UnmarshalText reads a host.
func (h *Host) UnmarshalText(text []byte) error {
	if _, err := netip.ParseAddr(string(text)); err != nil {
		if _, err := idna.Lookup.ToASCII(string(text)); err != nil {
			return errors.New("must be a host name or an IP address, without a port")
		}
	}
	*h = Host(text)
	return nil
}
