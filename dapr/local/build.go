package main

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"comanda/dapr/local/runtime"
)

// build brings every program up to date; the first time this takes minutes,
// and each builder says how far it is. The services come first: they are soon
// done, or their mistake soon seen, and the others find what they share built.
func build(ctx context.Context, console *console, stock bool) error {
	progress := console.writer("build")
	defer progress.flush()
	if _, err := runtime.BuildServices(ctx, progress); err != nil {
		return fmt.Errorf("build the services: %w", err)
	}
	daprd := runtime.Build
	if stock {
		daprd = runtime.BuildStock
	}
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error {
		if _, err := daprd(ctx, progress); err != nil {
			return fmt.Errorf("build the Dapr runtime: %w", err)
		}
		return nil
	})
	all.Go(func() error {
		if _, err := runtime.BuildCLI(ctx, progress); err != nil {
			return fmt.Errorf("build the Dapr CLI: %w", err)
		}
		return nil
	})
	return all.Wait()
}
