package main

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"comanda/infra/build"
)

// buildAll brings every program up to date; the first time this takes minutes,
// and each builder says how far it is. The services come first: they are soon
// done, or their mistake soon seen, and the others find what they share built.
func buildAll(ctx context.Context, console *console, stock bool) error {
	progress := console.writer("build")
	defer progress.flush()
	if _, err := build.Services(ctx, progress); err != nil {
		return fmt.Errorf("build the services: %w", err)
	}
	daprd := build.Daprd
	if stock {
		daprd = build.StockDaprd
	}
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error {
		if _, err := daprd(ctx, progress); err != nil {
			return fmt.Errorf("build the Dapr runtime: %w", err)
		}
		return nil
	})
	all.Go(func() error {
		if _, err := build.CLI(ctx, progress); err != nil {
			return fmt.Errorf("build the Dapr CLI: %w", err)
		}
		return nil
	})
	return all.Wait()
}
