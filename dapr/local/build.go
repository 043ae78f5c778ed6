package main

import (
	"context"
	"fmt"

	"comanda/infra/build"
)

// buildAll brings the services and the sidecar up to date. The first time takes minutes, and each build says how far it is.
// The services come first: they are soon done, or their mistake is soon seen.
func buildAll(ctx context.Context, console *console, stock bool) error {
	progress := console.writer("build")
	defer progress.flush()
	if _, err := build.Services(ctx, progress); err != nil {
		return fmt.Errorf("build the services: %w", err)
	}
	if _, err := build.Broker(ctx, progress); err != nil {
		return fmt.Errorf("build the embedded broker: %w", err)
	}
	daprd := build.Daprd
	if stock {
		daprd = build.StockDaprd
	}
	if _, err := daprd(ctx, progress); err != nil {
		return fmt.Errorf("build the Dapr runtime: %w", err)
	}
	return nil
}

// buildCLI builds the Dapr CLI and our daprd, which .comanda/env lets it find.
func buildCLI(ctx context.Context, p place, console *console) error {
	progress := console.writer("build")
	defer progress.flush()
	program, err := build.CLI(ctx, progress)
	if err != nil {
		return fmt.Errorf("build the Dapr CLI: %w", err)
	}
	if _, err := build.Daprd(ctx, progress); err != nil {
		return fmt.Errorf("build the Dapr runtime: %w", err)
	}
	console.say("dapr", "%s is built; %s puts it in the PATH (make deps)", p.relative(program), p.relative(p.env()))
	return nil
}
