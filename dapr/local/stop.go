package main

import (
	"context"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"comanda/infra/process"
)

const (
	// sidecarGrace is how long a sidecar may take to finish what it is at.
	sidecarGrace = 10 * time.Second
	// widowGrace is for a sidecar whose service is dead: it would only wait.
	widowGrace = 2 * time.Second
	// serviceGrace is the same for a service, whose sidecar is gone by then.
	serviceGrace = 8 * time.Second
	// cliGrace is how long `dapr run` may take when there is nothing left to end.
	cliGrace = 3 * time.Second
)

// stop ends everything in good order: the sidecars, which finish the events
// they are at while their services still answer; then the services; then the
// CLI and whatever is left; then Kafka and Postgres.
func (s *system) stop() {
	started := time.Now()
	if s.control != nil {
		_ = s.control.Close()
	}
	s.console.say("all", "stopping")
	s.stopBoard()
	s.stopParts(s.parts())
	for _, run := range s.runs {
		run.Stop(syscall.SIGTERM, cliGrace)
		s.complain(process.Forget(run.record()))
	}
	// What came to be after the last look, and what took no notice.
	s.complain(s.clearLeftovers())
	ctx := context.Background()
	if s.kafka != nil {
		s.complain(s.kafka.Stop(ctx))
	}
	if s.postgres != nil {
		s.complain(s.postgres.Stop(ctx))
	}
	s.console.say("all", "stopped (%.1f s)", time.Since(started).Seconds())
}

func (s *system) complain(err error) {
	if err != nil {
		s.console.say("all", "%v", err)
	}
}

// stopParts ends sidecars first and services after, each kind all at once.
func (s *system) stopParts(parts []*part) {
	for _, run := range s.runs {
		s.complain(run.find())
	}
	for _, sidecars := range []bool{true, false} {
		var all sync.WaitGroup
		for _, p := range parts {
			if p.sidecar == sidecars && p.process.PID != 0 {
				all.Go(func() { s.complain(s.stopPart(p, parts)) })
			}
		}
		all.Wait()
	}
}

func (s *system) stopPart(p *part, others []*part) error {
	p.ended = true
	if p.sidecar && p.process.Alive() {
		grace := sidecarGrace
		if !slices.ContainsFunc(others, func(o *part) bool { return o.app.ID == p.app.ID && !o.sidecar && o.process.Alive() }) {
			grace = widowGrace
		}
		if s.askToShutDown(p.app) && !p.process.Gone(grace) && grace == widowGrace {
			_ = p.process.End(syscall.SIGKILL, grace)
		}
	}
	if err := p.process.End(syscall.SIGTERM, serviceGrace); err != nil {
		return err
	}
	return process.Forget(p.record())
}

// askToShutDown is Dapr's own way to end a sidecar in good order; it says
// whether the sidecar has heard.
func (s *system) askToShutDown(a app) bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.sidecarURL("/v1.0/shutdown"), nil)
	if err != nil {
		return false
	}
	request.Header.Set("dapr-api-token", s.settings["DAPR_API_TOKEN"])
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusNoContent
}

// clearLeftovers ends what an earlier run (or this one) recorded and is still
// there: services and sidecars first, the CLI that would only log it last.
func (s *system) clearLeftovers() error {
	records, err := filepath.Glob(filepath.Join(s.place.processes(), "*.json"))
	if err != nil {
		return err
	}
	slices.SortFunc(records, func(a, b string) int { return rank(a) - rank(b) })
	var cleared []string
	for _, record := range records {
		id, err := process.Recorded(record)
		if err == nil && id.Alive() {
			cleared = append(cleared, id.Name)
		}
		if _, err := process.Clear(record, syscall.SIGTERM, sidecarGrace); err != nil {
			return err
		}
	}
	if len(cleared) > 0 {
		s.console.say("all", "ended what an earlier run left behind: %v", cleared)
	}
	return remove(s.place.control())
}

// rank orders records: sidecars, services, and the CLI.
func rank(record string) int {
	name := strings.TrimSuffix(filepath.Base(record), ".json")
	switch {
	case strings.HasSuffix(name, "-sidecar"):
		return 0
	case name == mainRun || strings.HasPrefix(name, mainRun+"-"):
		return 2
	default:
		return 1
	}
}
