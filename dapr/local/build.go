package main

import (
	"context"
	"fmt"

	"comanda/infra/build"
)

// buildAll builds the services, the embedded broker and daprd. The first build takes minutes and reports its progress. The
// services come first, because they are fast to build and a compile error in them shows early.
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

// buildCLI builds the Dapr CLI and our daprd. .comanda/env tells the CLI where daprd is.
func buildCLI(ctx context.Context, p paths, console *console) error {
	progress := console.writer("build")
	defer progress.flush()
	program, err := build.CLI(ctx, progress)
	if err != nil {
		return fmt.Errorf("build the Dapr CLI: %w", err)
	}
	if _, err := build.Daprd(ctx, progress); err != nil {
		return fmt.Errorf("build the Dapr runtime: %w", err)
	}
	console.printLine("dapr", "built %s; `make deps` writes %s, which puts it in the PATH", p.relative(program), p.relative(p.env()))
	return nil
}
