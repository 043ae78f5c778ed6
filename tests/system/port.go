package system

import (
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"comanda/infra/process"
)

// Ports are taken from below those that the kernel gives to outgoing connections. A part that was killed finds its port
// free again; from the kernel's own range, somebody's outgoing connection may have taken it meanwhile, and one that tries
// to reach the dead part can even end up connected to itself.
const (
	firstPort = 12_000
	lastPort  = 32_000
)

// ports remembers what was given away, because a part listens only some time after: this process's in memory, that of
// other test processes by a file for each, which is locked as long as its process lives.
type ports struct {
	mu    sync.Mutex
	given map[int]func() // how to give each back
}

var reserved = &ports{given: map[int]func(){}}

// take finds a port that nobody listens on.
func (p *ports) take() (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range 200 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		if p.given[port] != nil || !free(port) {
			continue
		}
		file := filepath.Join(os.TempDir(), "comanda-ports", strconv.Itoa(port))
		unlock, err := process.Lock(file)
		if errors.Is(err, process.ErrLocked) {
			continue
		}
		if err != nil {
			return 0, err
		}
		p.given[port] = unlock // kept: the lock ends with the file that it holds
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
