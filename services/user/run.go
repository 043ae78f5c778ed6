package main

import (
	"context"
	"embed"

	"comanda/services/internal/document"
	"comanda/services/internal/process"
	"comanda/services/internal/stateful"
)

//go:embed migrations/*.sql
var migrations embed.FS

type config struct {
	stateful.Config
	DatabaseURL string `env:"USER_DATABASE_URL,required,notEmpty"`
}

// run is the service from its settings to its end.
func run(ctx context.Context, environ []string) error {
	config, err := process.Load[config](environ)
	if err != nil {
		return err
	}
	parts, err := stateful.Open("user", config.Config, config.DatabaseURL)
	if err != nil {
		return err
	}
	defer parts.Close()
	s := service{store{document.NewStore[Profile](parts.Client, "profiles", "profile"), parts.Pool}, stateful.Clock}
	return parts.Serve(ctx, stateful.Rooms{Routes: s.routes(), Events: s.subscriptions(), Migrations: migrations})
}
