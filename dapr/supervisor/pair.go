package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

const gateway = "gateway"

// Setup is what the pairs of one system have in common.
type Setup struct {
	Plan     Plan
	Services string            // the folder of the services' programs
	Daprd    string            // the sidecar's program
	Work     string            // where the programs run: sidecars find each other by a file there
	Logs     string            // the folder of the logs
	Records  string            // the folder of the records for ClearLeftovers; may be empty
	Environ  map[string]string // of services and sidecars
	Flags    []string          // more of them for every sidecar
	// Tee returns what gets a program's lines besides its log; nil for none.
	Tee func(program string) io.Writer
}

// Pair is one replica of a service: the service itself and its sidecar.
type Pair struct {
	App              string
	Service, Sidecar *Program
	// URL is the service's own address, SidecarURL that of the sidecar's HTTP API.
	URL, SidecarURL string
	// MetricsURL is where the service shows its metrics, SidecarMetricsURL where the sidecar does.
	MetricsURL, SidecarMetricsURL string
}

// Pair prepares a replica of an app, which is called name; nothing runs yet.
func (s Setup) Pair(app App, name string, ports Ports) *Pair {
	own := s.Plan.environment(app)
	maps.Copy(own, s.Environ)
	maps.Copy(own, map[string]string{
		"APP_ID": app.ID, "APP_PORT": strconv.Itoa(ports.App),
		"DAPR_HTTP_PORT": strconv.Itoa(ports.HTTP), "DAPR_GRPC_PORT": strconv.Itoa(ports.GRPC),
		"METRICS_PORT": strconv.Itoa(ports.Metrics),
	})
	flags := append(s.Plan.flags(app), "--app-id", app.ID, "--app-port", strconv.Itoa(ports.App),
		"--dapr-http-port", strconv.Itoa(ports.HTTP), "--dapr-grpc-port", strconv.Itoa(ports.GRPC),
		"--dapr-internal-grpc-port", strconv.Itoa(ports.Peers), "--metrics-port", strconv.Itoa(ports.Sidecar),
		"--dapr-internal-grpc-listen-address", "127.0.0.1", "--metrics-listen-address", "127.0.0.1", "--log-as-json")
	metricsURL := loopback(ports.App) + "/metrics"
	if app.ID == gateway { // its own port is open to the world
		metricsURL = loopback(ports.Metrics) + "/metrics"
	}
	service := s.program(name, filepath.Join(s.Services, filepath.Base(app.Command[0])), own)
	service.args = app.Command[1:]
	sidecar := s.program(name+" sidecar", s.Daprd, s.Environ)
	sidecar.args = append(flags, s.Flags...)
	return &Pair{
		App: app.ID, Service: service, Sidecar: sidecar,
		URL: loopback(ports.App), SidecarURL: loopback(ports.HTTP),
		MetricsURL: metricsURL, SidecarMetricsURL: loopback(ports.Sidecar) + "/metrics",
	}
}

func (s Setup) program(name, path string, env map[string]string) *Program {
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

func loopback(port int) string { return "http://127.0.0.1:" + strconv.Itoa(port) }

// Programs returns the pair's sidecar and service.
func (p *Pair) Programs() []*Program { return []*Program{p.Sidecar, p.Service} }

// Start runs both.
func (p *Pair) Start(ctx context.Context) error {
	return errors.Join(p.Sidecar.Start(ctx), p.Service.Start(ctx))
}

// readyInterval is how often a service that is not ready is asked again.
const readyInterval = 25 * time.Millisecond

// AwaitReady polls until the service says that it is ready, and returns its last answer when ctx ends first.
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

// Ready asks once whether the service, its sidecar and its database are ready; the gateway answers for all services.
func (p *Pair) Ready(ctx context.Context) error {
	if err := Ready(ctx, p.URL); err != nil {
		return fmt.Errorf("%s is not ready: %w", p.Service.Name, err)
	}
	return nil
}

// Ready asks the service at url once whether it is ready.
func Ready(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/readyz", nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("no answer (%w)", err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 1000))
	return fmt.Errorf("%s %s", answer.Status, strings.Join(strings.Fields(string(text)), " "))
}

// widowGrace is how long a sidecar may take to end when its service is gone: it would only wait for it.
const widowGrace = 2 * time.Second

// StopPairs ends the sidecars first, while their services still take the events under way, and then the services.
func StopPairs(pairs []*Pair) {
	each(pairs, func(p *Pair) {
		grace := stopGrace
		if !p.Service.Running() {
			grace = widowGrace
		}
		p.Sidecar.stop(grace)
	})
	each(pairs, func(p *Pair) { p.Service.Stop() })
}

func each(pairs []*Pair, do func(*Pair)) {
	var all sync.WaitGroup
	for _, pair := range pairs {
		all.Go(func() { do(pair) })
	}
	all.Wait()
}
