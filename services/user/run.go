package main

import (
	"context"
	"embed"

	"comanda/services/internal/document"
	"comanda/services/internal/server"
)

//go:embed migrations/*.sql
var migrations embed.FS

type config struct {
	server.StatefulConfig
	DatabaseURL string `env:"USER_DATABASE_URL,required,notEmpty"`
}

// run starts the service with the settings in environ and serves until ctx ends.
func run(ctx context.Context, environ []string) error {
	config, err := server.LoadConfig[config](environ)
	if err != nil {
		return err
	}
	base, err := server.OpenStateful("user", config.StatefulConfig, config.DatabaseURL)
	if err != nil {
		return err
	}
	defer base.Close()
	s := service{store{document.NewStore[Profile](base.Client, "profiles", "profile"), base.Pool}, server.Clock, base.Cursors,
		newInvoker(config.Sidecar)}
	return base.Serve(ctx, server.Handlers{Routes: s.routes(), Events: s.subscriptions(), Migrations: migrations})
}
