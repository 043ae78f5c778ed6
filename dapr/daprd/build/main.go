package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "daprd:", err)
		os.Exit(1)
	}
}

// run expects the working directory to be the module's own, as `go -C dapr/daprd run ./build` makes it.
func run(ctx context.Context, args []string, getenv func(string) string, stderr io.Writer) error {
	flags := flag.NewFlagSet("build", flag.ContinueOnError)
	flags.SetOutput(stderr)
	output := flags.String("o", "", "where the program goes (a relative path counts from dapr/daprd)")
	stock := flags.Bool("stock", false, "leave Dapr's own outbox engine in place")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *output == "" {
		return fmt.Errorf("say where the program goes: -o PATH")
	}
	target, err := filepath.Abs(*output)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	unlock, err := lock(target + ".lock")
	if err != nil {
		return err
	}
	defer unlock()

	inputs, err := hashInputs(*stock)
	if err != nil {
		return err
	}
	if isUpToDate(target, inputs) {
		return nil
	}
	return build(ctx, target, inputs, *stock, sourceDir(getenv), stderr)
}

func build(ctx context.Context, target, inputs string, stock bool, sources string, stderr io.Writer) error {
	started := time.Now()
	dapr, err := findDapr(ctx)
	if err != nil {
		return err
	}
	replaced, err := checkReplaced(dapr.Dir)
	if err != nil {
		return fmt.Errorf("dapr %s: %w", dapr.Version, err)
	}
	recipe := compilation{dapr: dapr, engine: "stock"}
	if !stock {
		recipe.engine = "rows"
		if recipe.arguments, err = substitute(dapr, replaced, sources); err != nil {
			return err
		}
	}
	// Beside the target and then renamed: a daprd that runs keeps its file, and nobody ever sees half a program.
	fresh := target + ".new"
	defer func() { _ = os.Remove(fresh) }()
	if err := recipe.run(ctx, fresh, stderr); err != nil {
		return err
	}
	if err := os.Rename(fresh, target); err != nil {
		return err
	}
	if err := writeStamp(target, inputs); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(stderr, "daprd: Dapr %s (outbox: %s) built in %s\n", dapr.Version, recipe.engine, time.Since(started).Round(time.Second))
	return nil
}

// sourceDir is where the writable copy of Dapr lives; a relative state directory counts from the checkout's root.
func sourceDir(getenv func(string) string) string {
	state := getenv("COMANDA_STATE")
	switch {
	case state == "":
		state = filepath.Join("..", "..", ".comanda")
	case !filepath.IsAbs(state):
		state = filepath.Join("..", "..", state)
	}
	return filepath.Join(state, "src")
}
