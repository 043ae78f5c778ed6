package system

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"comanda/infra"
	"comanda/services/event"
)

// Services are the five, in the order in which they are shown.
var Services = []string{"gateway", "auth", "user", "order", "product"}

// Options say what kind of system is wanted; the zero value is the ordinary one.
type Options struct {
	// Stock runs the services beside the unmodified Dapr runtime instead of ours.
	Stock bool
	// Replicas says how many of a service there are; 1 where it says nothing. The gateway's is always 1.
	Replicas map[string]int
	// Settings are added to every service's environment, such as RECOVERY_AFTER.
	Settings map[string]string
}

// System is a running Comanda.
type System struct {
	// URL is the gateway's address.
	URL string
	// The first administrator's account.
	AdminEmail, AdminPassword string
	// The secrets that services and sidecars share: for tests that forge or withhold them.
	JWTSecret, AppToken, APIToken string

	Postgres *infra.Postgres
	Kafka    *infra.Kafka

	kind  infra.Kind
	dir   string
	pairs map[string][]*Pair
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

// startTimeout covers building the programs when nothing is built yet.
const startTimeout = 10 * time.Minute

// Run starts a system and returns when all of it is ready. The caller stops it.
func Run(ctx context.Context, options Options) (*System, error) {
	programs, err := buildPrograms(ctx, options.Stock, os.Stderr)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "comanda-")
	if err != nil {
		return nil, err
	}
	s := &System{dir: dir, pairs: map[string][]*Pair{}}
	if err := s.start(ctx, programs, options); err != nil {
		lines := s.LastLines(5)
		s.Stop()
		return nil, fmt.Errorf("%w\n%s", err, lines)
	}
	return s, nil
}

func (s *System) start(ctx context.Context, programs programs, options Options) error {
	if err := s.startBacking(ctx); err != nil {
		return err
	}
	plan, err := readPlan(programs.root)
	if err != nil {
		return err
	}
	wiring, err := s.wire(plan, programs, options)
	if err != nil {
		return err
	}
	for _, service := range Services {
		for replica := range max(1, options.Replicas[service]) {
			pair, err := wiring.pair(service, replica)
			if err != nil {
				return err
			}
			s.pairs[service] = append(s.pairs[service], pair)
		}
	}
	s.URL = s.Pair("gateway").URL
	for _, pair := range s.all() {
		if err := pair.Start(); err != nil {
			return err
		}
	}
	return s.AwaitReady(ctx)
}

// startBacking starts Postgres and Kafka side by side, with a database for each service that has one, and every topic.
func (s *System) startBacking(ctx context.Context) error {
	kind, err := infra.KindFromEnvironment(os.Getenv)
	if err != nil {
		return err
	}
	s.kind = kind
	options := func() (infra.Options, error) {
		port, err := reserved.take()
		return infra.Options{Dir: s.dir, Kind: kind, Port: port, Log: io.Discard}, err
	}
	return both(
		func() error {
			o, err := options()
			if err != nil {
				return err
			}
			if s.Postgres, err = infra.StartPostgres(ctx, o); err != nil {
				return err
			}
			for _, service := range Services[1:] {
				if err := s.Postgres.CreateDatabase(ctx, "comanda_"+service); err != nil {
					return err
				}
			}
			return nil
		},
		func() error {
			o, err := options()
			if err != nil {
				return err
			}
			if s.Kafka, err = infra.StartKafka(ctx, o); err != nil {
				return err
			}
			return s.Kafka.Declare(ctx, topics())
		},
	)
}

func topics() []infra.Topic {
	var all []infra.Topic
	for _, name := range event.Declared() {
		all = append(all, infra.Topic{Name: name, Partitions: event.Partitions})
	}
	return all
}

func both(one, other func() error) error {
	failed := make(chan error, 1)
	go func() { failed <- other() }()
	return errors.Join(one(), <-failed)
}

// Pair is the first replica of a service.
func (s *System) Pair(service string) *Pair { return s.Replicas(service)[0] }

// Replicas are all replicas of a service.
func (s *System) Replicas(service string) []*Pair {
	if len(s.pairs[service]) == 0 {
		panic("tests/system: there is no service " + service)
	}
	return s.pairs[service]
}

func (s *System) all() []*Pair {
	var all []*Pair
	for _, service := range Services {
		all = append(all, s.pairs[service]...)
	}
	return all
}

// DatabaseURL is the connection string of a service's database.
func (s *System) DatabaseURL(service string) string { return s.Postgres.URL("comanda_" + service) }

// Stop ends all of it in good order: sidecars, services, broker, database. What it kept on disk goes, unless
// COMANDA_KEEP is set, which shows where it is.
func (s *System) Stop() {
	each(s.all(), func(p *Pair) { p.Sidecar.Stop() })
	each(s.all(), func(p *Pair) { p.Service.Stop() })
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if s.Kafka != nil {
		_ = s.Kafka.Stop(ctx)
	}
	if s.Postgres != nil {
		_ = s.Postgres.Stop(ctx)
	}
	if os.Getenv("COMANDA_KEEP") != "" {
		fmt.Fprintln(os.Stderr, "kept:", s.dir)
		return
	}
	_ = os.RemoveAll(s.dir)
}

func each(pairs []*Pair, do func(*Pair)) {
	var all sync.WaitGroup
	for _, pair := range pairs {
		all.Go(func() { do(pair) })
	}
	all.Wait()
}

// LastLines shows the last n lines of every part's log.
func (s *System) LastLines(n int) string {
	var text strings.Builder
	for _, pair := range s.all() {
		for _, program := range []*Program{pair.Service, pair.Sidecar} {
			state := "runs"
			if !program.Running() {
				state = "does not run"
			}
			fmt.Fprintf(&text, "--- %s (%s)\n%s\n", program.Name, state, program.lastLines(n))
		}
	}
	return text.String()
}

func (s *System) log(name string) string {
	return filepath.Join(s.dir, "logs", strings.ReplaceAll(name, " ", "-")+".log")
}
