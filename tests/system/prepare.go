package system

import (
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"comanda/dapr/supervisor"
	"comanda/infra"
	"comanda/infra/build"
	"comanda/infra/port"
	"comanda/services/secret"
)

// prepare builds the programs, starts the servers and makes the secrets.
func (sys *System) prepare(ctx context.Context, options Options) (supervisor.Setup, error) {
	setup := supervisor.Setup{Work: sys.path("run"), Logs: sys.path("logs")}
	if err := setPrograms(ctx, &setup, options); err != nil {
		return setup, err
	}
	var err error
	if err := errors.Join(os.MkdirAll(setup.Work, 0o755), os.MkdirAll(setup.Logs, 0o755), sys.startServers(ctx, options)); err != nil {
		return setup, err
	}
	if setup.Environ, err = sys.environ(options); err != nil {
		return setup, err
	}
	setup.Sidecars, err = sys.SidecarEnvirons()
	return setup, err
}

// setPrograms builds the programs of this checkout, or finds those of another one.
func setPrograms(ctx context.Context, setup *supervisor.Setup, options Options) (err error) {
	if options.Checkout != "" {
		state := filepath.Join(options.Checkout, ".comanda")
		setup.Daprd, setup.Services = filepath.Join(state, "runtime", ".dapr", "bin", "daprd"), filepath.Join(state, "bin")
		setup.Plan, err = supervisor.ReadPlan(options.Checkout)
		return err
	}
	root, err := build.Root()
	if err != nil {
		return err
	}
	if setup.Plan, err = supervisor.ReadPlan(root); err != nil {
		return err
	}
	daprd := build.Daprd
	if options.Stock {
		daprd = build.StockDaprd
	}
	if setup.Daprd, err = daprd(ctx, os.Stderr); err != nil {
		return err
	}
	setup.Services, err = build.Services(ctx, os.Stderr)
	return err
}

func (sys *System) startServers(ctx context.Context, system Options) error {
	kind, err := infra.KindFromEnvironment(os.Getenv)
	if err != nil {
		return err
	}
	ports, err := port.Several(2)
	if err != nil {
		return err
	}
	options := infra.Options{Dir: sys.dir, Kind: kind, Log: io.Discard, Port: ports[0]}
	forKafka := options
	forKafka.Port = ports[1]
	if system.KafkaUsers {
		forKafka.Kind, forKafka.Users = infra.Apache, true
	}
	sys.Servers, err = infra.StartServers(ctx, options, forKafka)
	return err
}

// environ makes the system's secrets, and returns the test's environment with the system's settings. It removes the variables that could
// connect this system to another one on the same machine.
func (sys *System) environ(options Options) (map[string]string, error) {
	var err error
	if sys.EventKeys, err = secret.NewEventSettings(); err != nil {
		return nil, err
	}
	sys.JWTSecret, sys.AppToken, sys.APIToken = secret.Key(), secret.Token(), secret.Token()
	sys.AdminEmail, sys.AdminPassword = "admin@comanda.test", secret.Password()
	environ := secret.Environ(os.Environ())
	maps.DeleteFunc(environ, func(name, _ string) bool {
		return strings.HasPrefix(name, "DAPR_") || strings.HasPrefix(name, "COMANDA_") || strings.HasPrefix(name, "OTEL_")
	})
	maps.Copy(environ, sys.Servers.Environ())
	maps.Copy(environ, sys.EventKeys)
	maps.Copy(environ, map[string]string{
		"JWT_SECRET_KEY": sys.JWTSecret, "APP_API_TOKEN": sys.AppToken, "DAPR_API_TOKEN": sys.APIToken,
		"ADMIN_EMAIL": sys.AdminEmail, "ADMIN_PASSWORD": sys.AdminPassword, "SEED_MENU": "true",
		// No limits for an address: all customers of a test share one.
		"RATE_LIMIT_PER_SECOND": "0", "RATE_LIMIT_LOGIN_PER_SECOND": "0", "RATE_LIMIT_REGISTER_PER_HOUR": "0", "CONNECTIONS_MAX_PER_ADDRESS": "0",
		"TRACKING_MAX_PER_ADDRESS": "5000", "WAITS_MAX_PER_CLIENT": "1000",
		// No limits on open orders: one customer of a test places them all.
		"MAX_OPEN_ORDERS": "0", "MAX_OPEN_UNITS": "0",
	})
	if environ["GOMAXPROCS"] == "" && sharesProcessors(options.Checkout) {
		environ["GOMAXPROCS"] = supervisor.ProcessorShare()
	}
	maps.Copy(environ, options.Settings)
	sys.AdminPassword = environ["ADMIN_PASSWORD"]
	return environ, nil
}

// sharesProcessors reports whether `make run` of a checkout gives each program a share of the cores. That of this checkout does; earlier ones
// did not.
func sharesProcessors(checkout string) bool {
	if checkout == "" {
		return true
	}
	source, err := os.ReadFile(filepath.Join(checkout, "dapr", "supervisor", "pair.go"))
	return err == nil && strings.Contains(string(source), "func ProcessorShare(")
}
