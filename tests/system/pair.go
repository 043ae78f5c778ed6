package system

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Pair is one replica of a service: the service itself and its sidecar.
type Pair struct {
	Service, Sidecar *Program
	// URL is the service's own address, SidecarURL that of the sidecar's HTTP API.
	URL, SidecarURL string
	// MetricsURL is where the service shows its metrics, SidecarMetricsURL where the sidecar does.
	MetricsURL, SidecarMetricsURL string
}

// Start runs both.
func (p *Pair) Start() error {
	return errors.Join(p.Sidecar.Start(), p.Service.Start())
}

// readyTimeout is how long a start may take on a machine that is busy with other tests.
const readyTimeout = 2 * time.Minute

// AwaitReady waits until every replica of every service says that it is ready.
func (s *System) AwaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for _, pair := range append(s.all()[1:], s.Pair("gateway")) { // the gateway answers for all: it comes last
		if err := pair.awaitReady(ctx, s.restarts(pair)); err != nil {
			return err
		}
	}
	return nil
}

// restarts says how often a sidecar may have to be started again before it is ready. Where replicas start at once on an
// empty database, their sidecars create Dapr's tables at the same time, which Postgres can refuse to one of them; that
// one ends, and whoever runs it starts it again.
func (s *System) restarts(p *Pair) int {
	for _, pairs := range s.pairs {
		if len(pairs) > 1 && slices.Contains(pairs, p) {
			return 3
		}
	}
	return 0
}

func (p *Pair) awaitReady(ctx context.Context, restarts int) error {
	for {
		said, err := ready(ctx, p.URL)
		if err == nil {
			return nil
		}
		if !p.Sidecar.Running() && restarts > 0 {
			restarts--
			if err := p.Sidecar.Start(); err != nil {
				return err
			}
		}
		for _, program := range []*Program{p.Service, p.Sidecar} {
			if !program.Running() {
				return fmt.Errorf("%s has ended", program.Name)
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w %s", p.Service.Name, err, said)
		case <-time.After(25 * time.Millisecond):
		}
	}
}

func ready(ctx context.Context, url string) (said string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/readyz", nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode == http.StatusOK {
		return "", nil
	}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
	return strings.TrimSpace(string(text)), errors.New(resp.Status)
}

// Memory is how many bytes of memory the ten processes hold (resident). Linux only.
func (s *System) Memory() (total int64, each map[string]int64, err error) {
	each = map[string]int64{}
	for _, pair := range s.all() {
		for _, program := range []*Program{pair.Service, pair.Sidecar} {
			held, err := resident(program.PID())
			if err != nil {
				return 0, nil, fmt.Errorf("%s: %w", program.Name, err)
			}
			each[program.Name] = held
			total += held
		}
	}
	return total, each, nil
}

func loopback(port int) string { return "http://127.0.0.1:" + strconv.Itoa(port) }

// Ready asks once whether the gateway says that all is ready.
func (s *System) Ready(ctx context.Context) error {
	said, err := ready(ctx, s.URL)
	if err != nil {
		return fmt.Errorf("%w %s", err, said)
	}
	return nil
}

// Programs are all services and sidecars.
func (s *System) Programs() []*Program {
	var programs []*Program
	for _, pair := range s.all() {
		programs = append(programs, pair.Service, pair.Sidecar)
	}
	return programs
}

// Revive starts whatever does not run, as an operator or an orchestrator would: a sidecar that cannot reach its database
// or broker when it starts ends by itself.
func (s *System) Revive() error {
	var errs []error
	for _, program := range s.Programs() {
		if !program.Running() {
			errs = append(errs, program.Start())
		}
	}
	return errors.Join(errs...)
}
