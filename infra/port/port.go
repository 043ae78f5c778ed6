// Package port hands out free TCP ports of this machine, each to one caller only, across all processes that use this
// package.
package port

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"comanda/infra/process"
)

// Ports come from below the range that Linux gives to outgoing connections. A killed server finds its port free again; in
// the kernel's own range an outgoing connection could have taken it, or could even connect to itself.
const (
	first = 12_000
	last  = 32_000
)

// reserved holds the ports given out by this process. A server listens only some time after it got its port, so a file,
// locked for as long as this process lives, tells other processes.
var reserved = struct {
	sync.Mutex
	unlock map[int]func()
}{unlock: map[int]func(){}}

// Reserve returns a port that is free and that no other caller gets.
func Reserve() (int, error) {
	reserved.Lock()
	defer reserved.Unlock()
	for range 200 {
		port := first + rand.IntN(last-first)
		if reserved.unlock[port] != nil || !isFree(port) {
			continue
		}
		unlock, err := process.Lock(filepath.Join(os.TempDir(), fmt.Sprintf("comanda-ports-%d", os.Getuid()), strconv.Itoa(port)))
		if errors.Is(err, process.ErrLocked) {
			continue
		}
		if err != nil {
			return 0, err
		}
		reserved.unlock[port] = unlock // the lock ends when the file it holds is collected
		return port, nil
	}
	return 0, errors.New("no free port found")
}

// Several returns n reserved ports.
func Several(n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		port, err := Reserve()
		if err != nil {
			return nil, err
		}
		ports[i] = port
	}
	return ports, nil
}

// freeWithin is how long a port may take to become free: a server that just ended, or an outgoing connection, may hold it.
const freeWithin = 2 * time.Second

// Check returns an error for each port that another program keeps listening on, with the port's purpose.
func Check(purposes map[int]string) error {
	deadline := time.Now().Add(freeWithin)
	var taken []error
	for _, port := range slices.Sorted(maps.Keys(purposes)) {
		for !isFree(port) {
			if time.Now().After(deadline) {
				taken = append(taken, fmt.Errorf("port %[1]d, for %[2]s, is in use: end what listens there (`ss -ltnp sport = :%[1]d` or `lsof -i :%[1]d` names it)",
					port, purposes[port]))
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	return errors.Join(taken...)
}

// isFree tries loopback and all interfaces: either could be taken alone.
func isFree(port int) bool {
	for _, host := range []string{"127.0.0.1", ""} {
		listener, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			return false
		}
		_ = listener.Close()
	}
	return true
}
