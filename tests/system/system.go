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
)

// Options say what kind of system is wanted; the zero value is the ordinary one.
type Options struct {
	// Stock runs the services beside the unmodified Dapr runtime instead of ours.
	Stock bool
	// Replicas says how many of a service there are; 1 where it says nothing. The gateway's is always 1.
	Replicas map[string]int
	// Settings are added to every service's environment, such as RECOVERY_AFTER.
	Settings map[string]string
	// Supervised starts again what dies, as `make run` does.
	Supervised bool
}

// System is a running Comanda.
type System struct {
	// URL is the gateway's address.
	URL string
	// The first administrator's account.
	AdminEmail, AdminPassword string
	// The secrets that services and sidecars share: for tests that forge or withhold them.
	JWTSecret, AppToken, APIToken string

	*infra.Servers

	dir        string
	pairs      []*supervisor.Pair
	supervisor supervisor.Supervisor
	end        context.CancelFunc // of the supervisor; nil without one
}

// Start runs a system for one test and ends it with that test.
func Start(t testing.TB, options Options) *System {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	s, err := Run(ctx, options)
	if err != nil {
		t.Fatalf("the system does not start: %v", err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(s.LastLines(15))
		}
		s.Stop()
	})
	return s
}

const (
	// startTimeout covers building the programs when nothing is built yet.
	startTimeout = 10 * time.Minute
	// readyTimeout is how long a start may take on a machine that is busy with other tests.
	readyTimeout = 2 * time.Minute
)

// Run starts a system and returns when all of it is ready. The caller stops it.
func Run(ctx context.Context, options Options) (*System, error) {
	dir, err := os.MkdirTemp("", "comanda-")
	if err != nil {
		return nil, err
	}
	s := &System{dir: dir}
	if err := s.start(ctx, options); err != nil {
		lines := s.LastLines(5)
		s.Stop()
		return nil, fmt.Errorf("%w\n%s", err, lines)
	}
	return s, nil
}

func (s *System) start(ctx context.Context, options Options) error {
	setup, err := s.prepare(ctx, options)
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
			s.pairs = append(s.pairs, setup.Pair(app, name, ports))
		}
	}
	s.URL = s.Pair("gateway").URL
	for _, pair := range s.pairs {
		if err := pair.Start(ctx); err != nil {
			return err
		}
	}
	if options.Supervised {
		s.supervise()
	}
	return s.AwaitReady(ctx)
}

// supervise keeps everything running until Stop.
func (s *System) supervise() {
	ctx, end := context.WithCancel(context.Background())
	s.end = end
	s.supervisor.Observer = supervisor.Observer{
		Died: func(string, time.Duration) {}, Failed: func(string, error, time.Duration) {}, Restarted: func(string) {},
	}
	s.supervisor.Keep(ctx, "postgres", s.Postgres)
	s.supervisor.Keep(ctx, "kafka", s.Kafka)
	for _, program := range s.Programs() {
		s.supervisor.Keep(ctx, program.Name, program)
	}
}

// AwaitReady waits until every replica of every service says that it is ready. Unless something starts it again, a program
// that ended is an error.
func (s *System) AwaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for _, pair := range s.pairs { // the gateway, which answers for all, is the plan's last
		waiting, gone := context.WithCancelCause(ctx)
		for _, program := range pair.Programs() {
			if s.end == nil {
				go func() {
					select {
					case <-program.Exited():
						gone(fmt.Errorf("%s has ended", program.Name))
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

// Ready asks once whether the gateway says that all is ready.
func (s *System) Ready(ctx context.Context) error { return s.Pair("gateway").Ready(ctx) }

// Pair is the first replica of a service.
func (s *System) Pair(service string) *supervisor.Pair { return s.Replicas(service)[0] }

// Replicas are all replicas of a service.
func (s *System) Replicas(service string) []*supervisor.Pair {
	found := slices.DeleteFunc(slices.Clone(s.pairs), func(p *supervisor.Pair) bool { return p.App != service })
	if len(found) == 0 {
		panic("tests/system: there is no service " + service)
	}
	return found
}

// Programs are all services and sidecars.
func (s *System) Programs() []*supervisor.Program {
	var programs []*supervisor.Program
	for _, pair := range s.pairs {
		programs = append(programs, pair.Programs()...)
	}
	return programs
}

// StartMissing starts the programs that do not run.
func (s *System) StartMissing(ctx context.Context) error {
	var errs []error
	for _, program := range s.Programs() {
		if !program.Running() {
			errs = append(errs, program.Start(ctx))
		}
	}
	return errors.Join(errs...)
}

// Stop ends all of it in good order: sidecars, services, broker, database. What it kept on disk goes, unless COMANDA_KEEP is
// set, which shows where it is.
func (s *System) Stop() {
	if s.end != nil {
		s.end()
		s.supervisor.Wait()
	}
	supervisor.StopPairs(s.pairs)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if s.Servers != nil {
		_ = s.Servers.Stop(ctx)
	}
	if os.Getenv("COMANDA_KEEP") != "" {
		fmt.Fprintln(os.Stderr, "kept:", s.dir)
		return
	}
	_ = os.RemoveAll(s.dir)
}

// LastLines shows the last n lines of every program's log.
func (s *System) LastLines(n int) string {
	var text strings.Builder
	for _, program := range s.Programs() {
		state := "runs"
		if !program.Running() {
			state = "does not run"
		}
		fmt.Fprintf(&text, "--- %s (%s)\n%s\n", program.Name, state, strings.Join(program.LastLines(n), "\n"))
	}
	return text.String()
}

// Memory is how many bytes of memory the ten processes hold (resident).
func (s *System) Memory() (total int64, each map[string]int64, err error) {
	each = map[string]int64{}
	for _, program := range s.Programs() {
		held, err := process.Memory(program.PID())
		if err != nil {
			return 0, nil, fmt.Errorf("%s: %w", program.Name, err)
		}
		each[program.Name] = held
		total += held
	}
	return total, each, nil
}

// Services are the five, in the order in which they are shown.
var Services = services.Names

func (s *System) path(name string) string { return filepath.Join(s.dir, name) }
