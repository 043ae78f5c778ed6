package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"comanda/services/comanda/kafka"
)

const gateway = "gateway"

// Setup is what the pairs of one system have in common.
type Setup struct {
	Plan     Plan
	Services string            // the folder of the services' programs
	Daprd    string            // the sidecar's program
	Work     string            // the working directory of the programs; a file in it resolves sidecars' names
	Logs     string            // the folder of the logs
	Records  string            // the folder of the records for ClearLeftovers; may be empty
	Environ  map[string]string // of services and sidecars
	Flags    []string          // further flags of every sidecar
	// Sidecars are further settings of each app's sidecar, by app: its own user of Kafka. No other program gets them.
	Sidecars map[string]map[string]string
	// Tee returns a second writer for a program's output, besides its log. It may be nil.
	Tee func(program string) io.Writer
}

// ProcessorShare returns GOMAXPROCS for each program of a system on one machine: half of the cores. Ten programs that each use all cores
// spend a tenth of their time looking for work (docs/performance.md).
func ProcessorShare() string { return strconv.Itoa(max(1, runtime.NumCPU()/2)) }

// Pair is one replica of a service: the service and its sidecar.
type Pair struct {
	App              string
	Service, Sidecar *Program
	// URL is the service's address, SidecarURL that of the sidecar's HTTP API.
	URL, SidecarURL string
	// SidecarGRPC is the address of the sidecar's gRPC API: host and port.
	SidecarGRPC string
	// MetricsURL is the address of the service's metrics, SidecarMetricsURL that of the sidecar's.
	MetricsURL, SidecarMetricsURL string
}

// Pair returns a replica of an app under the given name. It starts no program.
func (s Setup) Pair(app App, name string, ports Ports) *Pair {
	environ := s.Plan.environment(app)
	maps.Copy(environ, s.shared())
	maps.Copy(environ, map[string]string{
		"APP_ID": app.ID, "APP_PORT": strconv.Itoa(ports.App),
		"DAPR_HTTP_PORT": strconv.Itoa(ports.HTTP), "DAPR_GRPC_PORT": strconv.Itoa(ports.GRPC),
		"METRICS_PORT": strconv.Itoa(ports.Metrics),
	})
	flags := append(s.Plan.flags(app), "--app-id", app.ID, "--app-port", strconv.Itoa(ports.App),
		"--dapr-http-port", strconv.Itoa(ports.HTTP), "--dapr-grpc-port", strconv.Itoa(ports.GRPC),
		"--dapr-internal-grpc-port", strconv.Itoa(ports.Peers), "--metrics-port", strconv.Itoa(ports.Sidecar),
		"--dapr-internal-grpc-listen-address", "127.0.0.1", "--metrics-listen-address", "127.0.0.1", "--log-as-json")
	metricsURL := loopbackURL(ports.App) + "/metrics"
	if app.ID == gateway { // its API port is public
		metricsURL = loopbackURL(ports.Metrics) + "/metrics"
	}
	service := s.newProgram(name, filepath.Join(s.Services, filepath.Base(app.Command[0])), environ)
	service.args = app.Command[1:]
	sidecarEnviron := s.shared()
	maps.Copy(sidecarEnviron, s.Sidecars[app.ID])
	sidecar := s.newProgram(name+" sidecar", s.Daprd, sidecarEnviron)
	sidecar.args = append(flags, s.Flags...)
	return &Pair{
		App: app.ID, Service: service, Sidecar: sidecar,
		URL: loopbackURL(ports.App), SidecarURL: loopbackURL(ports.HTTP),
		SidecarGRPC: "127.0.0.1:" + strconv.Itoa(ports.GRPC),
		MetricsURL:  metricsURL, SidecarMetricsURL: loopbackURL(ports.Sidecar) + "/metrics",
	}
}

// shared returns the settings that every program may have: no user of Kafka is among them.
func (s Setup) shared() map[string]string {
	environ := maps.Clone(s.Environ)
	maps.DeleteFunc(environ, func(name, _ string) bool { return kafka.IsCredential(name) })
	return environ
}

// newProgram returns a program whose log and record are files with its name.
func (s Setup) newProgram(name, path string, env map[string]string) *Program {
	file := strings.ReplaceAll(name, " ", "-")
	p := &Program{Name: name, path: path, dir: s.Work, LogFile: filepath.Join(s.Logs, file+".log")}
	for key, value := range env {
		p.env = append(p.env, key+"="+value)
	}
	if s.Records != "" {
		p.record = filepath.Join(s.Records, file+".json")
	}
	if s.Tee != nil {
		p.tee = s.Tee(name)
	}
	return p
}

func loopbackURL(port int) string { return "http://127.0.0.1:" + strconv.Itoa(port) }

// Programs returns the pair's sidecar and service.
func (p *Pair) Programs() []*Program { return []*Program{p.Sidecar, p.Service} }

// Start starts both programs.
func (p *Pair) Start(ctx context.Context) error {
	return errors.Join(p.Sidecar.Start(ctx), p.Service.Start(ctx))
}

// readyInterval is the time between two readiness checks.
const readyInterval = 25 * time.Millisecond

// AwaitReady polls until the service is ready. If ctx ends first, it returns the error of the last check.
func (p *Pair) AwaitReady(ctx context.Context) error {
	for {
		err := p.Ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(readyInterval):
		}
	}
}

// Ready returns an error unless the service, its sidecar and its database are ready. The gateway is ready only if all
// services are.
func (p *Pair) Ready(ctx context.Context) error {
	if err := Ready(ctx, p.URL); err != nil {
		return fmt.Errorf("%s is not ready: %w", p.Service.Name, err)
	}
	return nil
}

// Ready returns an error unless the service at url is ready.
func Ready(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/readyz", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("no response (%w)", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode == http.StatusOK {
		return nil
	}
	text, _ := io.ReadAll(io.LimitReader(response.Body, 1000))
	return fmt.Errorf("%s %s", response.Status, strings.Join(strings.Fields(string(text)), " "))
}

// orphanGrace bounds the shutdown of a sidecar whose service has ended: it would only wait for the service.
const orphanGrace = 2 * time.Second

// StopPairs first stops the gateway, while all others still run: it then answers the clients that wait (Prefer: wait). Next come the
// sidecars, while their services still handle the events in flight, and at last the services.
func StopPairs(pairs []*Pair) {
	forEachPair(pairs, func(p *Pair) {
		if p.App == gateway {
			p.Service.Stop()
		}
	})
	forEachPair(pairs, func(p *Pair) {
		grace := stopGrace
		if !p.Service.Running() {
			grace = orphanGrace
		}
		p.Sidecar.stopWithin(grace)
	})
	forEachPair(pairs, func(p *Pair) { p.Service.Stop() })
}

// forEachPair calls f for all pairs concurrently and waits for all calls.
func forEachPair(pairs []*Pair, f func(*Pair)) {
	var calls sync.WaitGroup
	for _, pair := range pairs {
		calls.Go(func() { f(pair) })
	}
	calls.Wait()
}
