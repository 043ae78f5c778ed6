package main

import (
	"context"
	"fmt"

	"comanda/dapr/local/runtime"
)

// build brings every program up to date; the first time this takes minutes,
// and each builder says how far it is.
func build(ctx context.Context, console *console, stock bool) error {
	daprd := runtime.Build
	if stock {
		daprd = runtime.BuildStock
	}
	progress := console.writer("build")
	defer progress.flush()
	if _, err := daprd(ctx, progress); err != nil {
		return fmt.Errorf("build the Dapr runtime: %w", err)
	}
	if _, err := runtime.BuildCLI(ctx, progress); err != nil {
		return fmt.Errorf("build the Dapr CLI: %w", err)
	}
	if _, err := runtime.BuildServices(ctx, progress); err != nil {
		return fmt.Errorf("build the services: %w", err)
	}
	return nil
}
