package main

import (
	"context"
	"errors"
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
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
}

// run parses the arguments and builds the program. The working directory must be dapr/build, as with `go -C dapr/build run .`.
func run(ctx context.Context, args []string, getenv func(string) string, stderr io.Writer) error {
	flags := flag.NewFlagSet("build", flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("module", "", "the folder of the program's module; a relative path starts at dapr/build")
	output := flags.String("o", "", "the path of the built program; a relative path starts at dapr/build")
	stock := flags.Bool("stock", false, "build with the unchanged upstream module")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *dir == "" || *output == "" {
		return errors.New("-module or -o is missing: use -module DIR -o PATH")
	}
	job := job{stock: *stock, stderr: stderr}
	var errs [3]error
	job.dir, errs[0] = filepath.Abs(*dir)
	job.target, errs[1] = filepath.Abs(*output)
	job.sources, errs[2] = filepath.Abs(sourceDir(getenv))
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	return job.run(ctx)
}

// job is one run of the builder.
type job struct {
	dir     string // the program's module
	target  string // the path of the built program
	sources string // the folder of the copies of upstream modules
	stock   bool
	stderr  io.Writer
}

// run builds the program unless the last build of it had the same inputs.
func (j job) run(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Dir(j.target), 0o755); err != nil {
		return err
	}
	unlock, err := lockFile(j.target + ".lock")
	if err != nil {
		return err
	}
	defer unlock()
	inputs, err := hashInputs(j.stock, ".", j.dir)
	if err != nil {
		return err
	}
	if isUpToDate(j.target, inputs) {
		return nil
	}
	if err := j.build(ctx); err != nil {
		return err
	}
	return writeStamp(j.target, inputs)
}

// build compiles the program from the upstream module, without the changes if stock is set.
func (j job) build(ctx context.Context) error {
	started := time.Now()
	recipe, err := findRecipe(j.dir)
	if err != nil {
		return err
	}
	upstream, err := findUpstream(ctx, j.dir, recipe.upstream)
	if err != nil {
		return err
	}
	changes, err := readChanges(filepath.Join(j.dir, recipe.changes), upstream.Dir)
	if err != nil {
		return fmt.Errorf("%s %s: %w", recipe.upstream, upstream.Version, err)
	}
	c := compilation{name: recipe.name, dir: j.dir}
	if recipe.set != nil {
		c.set = recipe.set(upstream, j.stock)
	}
	state := "unchanged"
	if !j.stock {
		state = fmt.Sprintf("%d files changed", len(changes))
		s := substitution{recipe: recipe, dir: j.dir, sources: j.sources, upstream: upstream}
		if c.arguments, err = s.flags(changes); err != nil {
			return err
		}
	}
	// With a rename, a running program keeps its file, and no process sees an incomplete program.
	fresh := j.target + ".new"
	defer func() { _ = os.Remove(fresh) }()
	if err := c.run(ctx, fresh, j.stderr); err != nil {
		return err
	}
	if err := os.Rename(fresh, j.target); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(j.stderr, "%s: %s %s (%s) built in %s\n", recipe.name, recipe.upstream, upstream.Version, state, time.Since(started).Round(time.Second))
	return nil
}

// sourceDir returns the folder of the copies of upstream modules. A relative COMANDA_STATE starts at the checkout's root.
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
