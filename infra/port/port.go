// Package port reserves free TCP ports of this machine. Each port goes to one caller only, across all processes of this user that
// use the package.
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

// Ports are below the range that Linux uses for outgoing connections, so that a killed server finds its port free again. In the
// kernel's range an outgoing connection could have taken the port, or could even connect to itself.
const (
	first = 12_000
	end   = 32_000 // the first port that is not reserved
)

// reserved holds the ports that this process reserved. A server listens on its port only some time later, so a locked file tells
// other processes about the reservation. The lock lasts as long as this process.
var reserved = struct {
	sync.Mutex
	unlock map[int]func()
}{unlock: map[int]func(){}}

// Reserve returns a free port that no other caller gets.
func Reserve() (int, error) {
	reserved.Lock()
	defer reserved.Unlock()
	for range 200 {
		port := first + rand.IntN(end-first)
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
		reserved.unlock[port] = unlock // keeps the locked file from being garbage-collected, which would unlock it
		return port, nil
	}
	return 0, fmt.Errorf("found no free port between %d and %d: stop programs that listen there", first, end-1)
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

// freeTimeout is how long a port may take to become free: a server that just ended, or an outgoing connection, may hold it.
const freeTimeout = 2 * time.Second

// CheckFree returns an error for each port that another program keeps listening on. The error names the port and its purpose.
func CheckFree(purposes map[int]string) error {
	deadline := time.Now().Add(freeTimeout)
	var taken []error
	for _, port := range slices.Sorted(maps.Keys(purposes)) {
		for !isFree(port) {
			if time.Now().After(deadline) {
				taken = append(taken, fmt.Errorf("port %[1]d, for %[2]s, is in use: stop the program that listens there (`ss -ltnp sport = :%[1]d` or `lsof -i :%[1]d` names it)",
					port, purposes[port]))
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	return errors.Join(taken...)
}

// isFree tries to listen on the loopback and on all interfaces, because a program may use only one of them.
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
