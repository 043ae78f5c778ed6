package system

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"comanda/dapr/supervisor"
	"comanda/infra"
	"comanda/infra/process"
	"comanda/services"
	"comanda/tests/asyncapi"
)

// Options configure a system. The zero value starts one replica of each service beside our daprd.
type Options struct {
	// Stock runs the services beside unmodified daprd instead of our daprd.
	Stock bool
	// Replicas is the number of replicas by service; the default is 1. URL is the address of the first gateway only.
	Replicas map[string]int
	// Settings are added to the environment of every service and sidecar, such as RECOVERY_AFTER.
	Settings map[string]string
	// Supervised restarts programs that end, as `make run` does.
	Supervised bool
	// KafkaUsers runs Apache Kafka with TLS, a user for each sidecar, and ACLs. It ignores COMANDA_BACKING, and needs Java and Maven.
	KafkaUsers bool
	// Between puts a proxy into every connection between two programs; it may be nil.
	Between Between
	// Checkout is the folder of another checkout of this repository that `make build` has built. Its programs and its components run,
	// on the servers of this checkout; the default is this checkout.
	Checkout string
	// Unchecked leaves the events on the broker unread. Checking them costs a benchmark much of a core.
	Unchecked bool
	// Dir is an empty folder for the system's files; the default is a new one. Stop deletes it.
	Dir string
}

// System is a running Comanda.
type System struct {
	// URL is the gateway's address.
	URL string
	// AdminEmail and AdminPassword are the credentials of the first administrator.
	AdminEmail, AdminPassword string
	// JWTSecret, AppToken and APIToken are the secrets of services and sidecars, for tests that forge or omit tokens.
	JWTSecret, AppToken, APIToken string
	// EventKeys has the settings of the events' signatures: EVENT_PUBLIC_KEYS and a signing key of each service.
	EventKeys map[string]string

	*infra.Servers

	dir        string
	pairs      []*supervisor.Pair
	supervisor supervisor.Supervisor
	// stopSupervisor is nil unless the system is supervised.
	stopSupervisor context.CancelFunc
	events         *asyncapi.Reader
	lost           error // the violations among events that the broker has lost
}

// Start runs a system for one test and stops it when the test ends.
func Start(t testing.TB, options Options) *System {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	sys, err := Run(ctx, options)
	if err != nil {
		t.Fatalf("start the system: %v", err)
	}
	t.Cleanup(func() {
		if err := sys.CheckEvents(); err != nil {
			t.Errorf("events: %v", err)
		}
		if t.Failed() {
			t.Log(sys.LastLines(15))
		}
		sys.Stop()
	})
	return sys
}

const (
	// startTimeout includes the time to build all programs.
	startTimeout = 10 * time.Minute
	// readyTimeout limits the time until all services are ready, on a machine that runs other tests.
	readyTimeout = 2 * time.Minute
)

// Run starts a system and returns when all services are ready. The caller must call Stop.
func Run(ctx context.Context, options Options) (*System, error) {
	dir := options.Dir
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "comanda-"); err != nil {
			return nil, err
		}
	}
	sys := &System{dir: dir}
	if err := sys.start(ctx, options); err != nil {
		lines := sys.LastLines(5)
		sys.Stop()
		return nil, fmt.Errorf("%w\n%s", err, lines)
	}
	return sys, nil
}

// start starts the servers and every pair, and waits until all services are ready.
func (sys *System) start(ctx context.Context, options Options) error {
	setup, err := sys.prepare(ctx, options)
	if err == nil && !options.Unchecked {
		err = sys.followEvents()
	}
	if err != nil {
		return err
	}
	for _, app := range setup.Plan.Apps {
		for replica := range max(1, options.Replicas[app.ID]) {
			ports, err := supervisor.FreePorts()
			if err != nil {
				return err
			}
			name := app.ID
			if replica > 0 {
				name = fmt.Sprintf("%s %d", app.ID, replica+1)
			}
			pair, err := options.Between.pair(setup, app, name, ports)
			if err != nil {
				return err
			}
			sys.pairs = append(sys.pairs, pair)
		}
	}
	sys.URL = sys.Pair("gateway").URL
	for _, pair := range sys.pairs {
		if err := pair.Start(ctx); err != nil {
			return err
		}
	}
	if options.Supervised {
		sys.supervise()
	}
	return sys.AwaitReady(ctx)
}

// supervise restarts programs that end, until Stop.
func (sys *System) supervise() {
	ctx, cancel := context.WithCancel(context.Background())
	sys.stopSupervisor = cancel
	sys.supervisor.Observer = supervisor.Observer{
		Died: func(string, time.Duration) {}, Failed: func(string, error, time.Duration) {}, Restarted: func(string) {},
	}
	sys.supervisor.Keep(ctx, "postgres", sys.Postgres)
	sys.supervisor.Keep(ctx, "kafka", sys.Kafka)
	for _, program := range sys.Programs() {
		sys.supervisor.Keep(ctx, program.Name, program)
	}
}

// AwaitReady waits until every replica of every service is ready. In an unsupervised system it fails as soon as a program
// ends.
func (sys *System) AwaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for _, pair := range sys.pairs { // the gateway, whose readiness covers all services, is last in the plan
		waiting, gone := context.WithCancelCause(ctx)
		for _, program := range pair.Programs() {
			if sys.stopSupervisor == nil {
				go func() {
					select {
					case <-program.Exited():
						gone(fmt.Errorf("%s ended; its last log lines say why", program.Name))
					case <-waiting.Done():
					}
				}()
			}
		}
		err := pair.AwaitReady(waiting)
		if err != nil && context.Cause(waiting) != nil {
			err = fmt.Errorf("%w (%w)", err, context.Cause(waiting))
		}
		gone(nil)
		if err != nil {
			return err
		}
	}
	return nil
}

// Ready checks once whether the gateway reports all services as ready.
func (sys *System) Ready(ctx context.Context) error { return sys.Pair("gateway").Ready(ctx) }

// Pair returns the first replica of a service.
func (sys *System) Pair(service string) *supervisor.Pair { return sys.Replicas(service)[0] }

// Replicas returns all replicas of a service.
func (sys *System) Replicas(service string) []*supervisor.Pair {
	found := slices.DeleteFunc(slices.Clone(sys.pairs), func(p *supervisor.Pair) bool { return p.App != service })
	if len(found) == 0 {
		panic("tests/system: unknown service " + service)
	}
	return found
}

// Programs returns all services and sidecars.
func (sys *System) Programs() []*supervisor.Program {
	var programs []*supervisor.Program
	for _, pair := range sys.pairs {
		programs = append(programs, pair.Programs()...)
	}
	return programs
}

// StartMissing starts the programs that are not running.
func (sys *System) StartMissing(ctx context.Context) error {
	var errs []error
	for _, program := range sys.Programs() {
		if !program.Running() {
			errs = append(errs, program.Start(ctx))
		}
	}
	return errors.Join(errs...)
}

// Stop stops the gateway, the sidecars, the other services, the broker and the database, in this order, and deletes the
// system's folder. If COMANDA_KEEP is set, it keeps the folder and prints its path.
func (sys *System) Stop() {
	if sys.stopSupervisor != nil {
		sys.stopSupervisor()
		sys.supervisor.Wait()
	}
	supervisor.StopPairs(sys.pairs)
	if sys.events != nil {
		sys.events.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if sys.Servers != nil {
		_ = sys.Servers.Stop(ctx)
	}
	if os.Getenv("COMANDA_KEEP") != "" {
		fmt.Fprintln(os.Stderr, "kept:", sys.dir)
		return
	}
	_ = os.RemoveAll(sys.dir)
}

// LastLines returns the last n lines of every program's log.
func (sys *System) LastLines(n int) string {
	var text strings.Builder
	for _, program := range sys.Programs() {
		state := "running"
		if !program.Running() {
			state = "ended"
		}
		fmt.Fprintf(&text, "--- %s (%s)\n%s\n", program.Name, state, strings.Join(program.LastLines(n), "\n"))
	}
	return text.String()
}

// Memory returns the resident memory of all programs in bytes: the total, and each by its program's name.
func (sys *System) Memory() (total int64, each map[string]int64, err error) {
	each = map[string]int64{}
	for _, program := range sys.Programs() {
		held, err := process.Memory(program.PID())
		if err != nil {
			return 0, nil, fmt.Errorf("%s: %w", program.Name, err)
		}
		each[program.Name] = held
		total += held
	}
	return total, each, nil
}

// Services are the names of the five services in display order.
var Services = services.Names

func (sys *System) path(name string) string { return filepath.Join(sys.dir, name) }
