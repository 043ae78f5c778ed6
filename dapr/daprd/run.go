package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"comanda/dapr/daprd/flags"
	"comanda/dapr/daprd/rows"
	"comanda/dapr/daprd/settings"

	gometrics "github.com/rcrowley/go-metrics"

	"github.com/dapr/dapr/cmd/daprd/options"
	"github.com/dapr/dapr/pkg/buildinfo"
	"github.com/dapr/dapr/pkg/runtime"
	"github.com/dapr/kit/logger"
	"github.com/dapr/kit/signals"
)

// relayGrace is how long a shutdown waits for the outbox relays to finish the page they are publishing.
const relayGrace = 5 * time.Second

// garbagePercent is the growth of the heap, in percent, after which the garbage collector runs, unless GOGC says otherwise. The services use
// the same value (services/internal/server).
const garbagePercent = 400

var log = logger.NewLogger("dapr.runtime")

// run does what Dapr's cmd/daprd/app.Run does, with our components and our defaults. It returns the exit code.
func run(args []string) int {
	opts, err := options.New(flags.WithDefaults(args, os.Getenv))
	if err != nil {
		log.Errorf("Failed to parse flags: %v", err)
		return 1
	}
	switch {
	case opts.RuntimeVersion:
		fmt.Println(buildinfo.Version())
		return 0
	case opts.BuildInfo:
		fmt.Printf("Version: %s\nGit Commit: %s\nGit Version: %s\n", buildinfo.Version(), buildinfo.Commit(), buildinfo.GitVersion())
		return 0
	case opts.WaitCommand:
		runtime.WaitUntilDaprOutboundReady(opts.DaprHTTPPort)
		return 0
	}

	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	gometrics.UseNilMetrics = true // sarama's own metrics, which nothing reads, take 2 % of the sidecar's time
	opts.Logger.SetAppID(opts.AppID)
	if err := logger.ApplyOptionsToLoggers(&opts.Logger); err != nil {
		log.Errorf("Failed to set up logging: %v", err)
		return 1
	}
	if err := prepareEnvironment(); err != nil {
		log.Errorf("%v", err)
		return 1
	}
	handleTracingErrors()
	log.Infof("Starting Dapr Runtime -- version %s -- commit %s", buildinfo.Version(), buildinfo.Commit())
	log.Infof("Log level set to: %s", opts.Logger.OutputLevel)

	err = serveUntilStopped(opts)
	rows.Wait(relayGrace)
	if err != nil {
		log.Errorf("Fatal error from runtime: %s", err)
		return 1
	}
	log.Info("Daprd shutdown gracefully")
	return 0
}

// prepareEnvironment reads the secrets that are in files and checks the settings.
func prepareEnvironment() error {
	secrets, err := settings.ReadFiles(os.Environ())
	if err != nil {
		return err
	}
	for name, value := range secrets {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	return settings.Check(os.Getenv)
}

// serveUntilStopped runs the runtime and starts it again after every SIGHUP. Dapr sends SIGHUP to its own process when a
// resiliency policy or a Configuration file changes, and SIGHUP ends a process that does not handle it.
func serveUntilStopped(opts *options.Options) error {
	ctx := signals.Context()
	hups := signals.OnHUP(ctx)
	for {
		select {
		case <-ctx.Done():
			return nil
		case hupCtx, ok := <-hups:
			if !ok {
				return nil
			}
			if err := serve(hupCtx, opts); err != nil {
				return err
			}
			// A context that is not cancelled means that the runtime stopped by itself, as after POST /v1.0/shutdown.
			if hupCtx.Err() == nil {
				return nil
			}
		}
	}
}
