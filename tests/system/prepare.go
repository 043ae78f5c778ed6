package system

import (
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"strings"

	"comanda/dapr/supervisor"
	"comanda/infra"
	"comanda/infra/build"
	"comanda/infra/port"
	"comanda/services/secret"
)

// prepare builds the programs, starts the servers and makes the secrets.
func (s *System) prepare(ctx context.Context, options Options) (supervisor.Setup, error) {
	setup := supervisor.Setup{Work: s.path("run"), Logs: s.path("logs")}
	root, err := build.Root()
	if err != nil {
		return setup, err
	}
	if setup.Plan, err = supervisor.ReadPlan(root); err != nil {
		return setup, err
	}
	daprd := build.Daprd
	if options.Stock {
		daprd = build.StockDaprd
	}
	if setup.Daprd, err = daprd(ctx, os.Stderr); err != nil {
		return setup, err
	}
	if setup.Services, err = build.Services(ctx, os.Stderr); err != nil {
		return setup, err
	}
	if err := errors.Join(os.MkdirAll(setup.Work, 0o755), os.MkdirAll(setup.Logs, 0o755), s.startServers(ctx)); err != nil {
		return setup, err
	}
	setup.Environ = s.environ(options.Settings)
	return setup, nil
}

func (s *System) startServers(ctx context.Context) error {
	kind, err := infra.KindFromEnvironment(os.Getenv)
	if err != nil {
		return err
	}
	ports, err := port.Several(2)
	if err != nil {
		return err
	}
	options := infra.Options{Dir: s.dir, Kind: kind, Log: io.Discard, Port: ports[0]}
	forKafka := options
	forKafka.Port = ports[1]
	s.Servers, err = infra.StartServers(ctx, options, forKafka)
	return err
}

// environ returns the test's environment with the system's settings. It removes the variables that could connect this
// system to another one on the same machine.
func (s *System) environ(settings map[string]string) map[string]string {
	s.JWTSecret, s.AppToken, s.APIToken = secret.Key(), secret.Token(), secret.Token()
	s.AdminEmail, s.AdminPassword = "admin@comanda.test", secret.Password()
	environ := secret.Environ(os.Environ())
	maps.DeleteFunc(environ, func(name, _ string) bool {
		return strings.HasPrefix(name, "DAPR_") || strings.HasPrefix(name, "COMANDA_") || strings.HasPrefix(name, "OTEL_")
	})
	maps.Copy(environ, s.Servers.Environ())
	maps.Copy(environ, map[string]string{
		"JWT_SECRET_KEY": s.JWTSecret, "APP_API_TOKEN": s.AppToken, "DAPR_API_TOKEN": s.APIToken,
		"ADMIN_EMAIL": s.AdminEmail, "ADMIN_PASSWORD": s.AdminPassword, "SEED_MENU": "true",
		// No rate limits: all customers of a test share one address.
		"RATE_LIMIT_PER_SECOND": "0", "RATE_LIMIT_LOGIN_PER_SECOND": "0",
	})
	maps.Copy(environ, settings)
	return environ
}
