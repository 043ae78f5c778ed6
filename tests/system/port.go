package system

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// Ports are taken from below those that the kernel gives to outgoing connections. A part that was killed finds its port
// free again; from the kernel's own range, somebody's outgoing connection may have taken it meanwhile, and one that tries
// to reach the dead part can even end up connected to itself.
const (
	firstPort = 12_000
	lastPort  = 32_000
)

// ports remembers what this process has given away, because a part listens only some time after.
type ports struct {
	mu    sync.Mutex
	given map[int]bool
}

var reserved = &ports{given: map[int]bool{}}

// take finds a port that nobody listens on.
func (p *ports) take() (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range 200 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		if p.given[port] || !free(port) {
			continue
		}
		p.given[port] = true
		return port, nil
	}
	return 0, errors.New("no free port found")
}

func free(port int) bool {
	for _, host := range []string{"127.0.0.1", ""} {
		listener, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			return false
		}
		_ = listener.Close()
	}
	return true
}
