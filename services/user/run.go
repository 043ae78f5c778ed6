package main

import (
	"context"
	"embed"

	"comanda/services/internal/document"
	"comanda/services/internal/invoke"
	"comanda/services/internal/server"
	"comanda/services/internal/signature"
	"comanda/services/internal/timeline"
)

//go:embed migrations/*.sql
var migrations embed.FS

type config struct {
	server.StatefulConfig
	DatabaseURL string               `env:"USER_DATABASE_URL,required,notEmpty"`
	EventKey    signature.PrivateKey `env:"USER_EVENT_SIGNING_KEY,required"`
}

// run starts the service with the settings in environ and serves until ctx ends.
func run(ctx context.Context, environ []string) error {
	config, err := server.LoadConfig[config](environ)
	if err != nil {
		return err
	}
	base, err := server.OpenStateful("user", config.StatefulConfig, config.DatabaseURL, config.EventKey)
	if err != nil {
		return err
	}
	defer base.Close()
	s := service{store{document.NewStore[Profile](base.Client, "profiles", "profile"), base.Pool}, server.Clock, base.Cursors,
		invoke.New(config.Sidecar), timeline.Repeats{Pool: base.Pool, Log: base.Log, Actor: "user"}}
	return base.Serve(ctx, server.Handlers{Routes: s.routes(), Events: s.subscriptions(), Migrations: migrations})
}
