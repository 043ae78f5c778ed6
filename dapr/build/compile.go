package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"
)

// reportEvery is how often a build says how far it is: often enough to be trusted, seldom enough to be calm.
const reportEvery = 5 * time.Second

type compilation struct {
	name      string   // in messages
	dir       string   // the program's module
	set       []string // variables that the linker sets
	arguments []string // what makes our files stand for upstream's
}

// run compiles the module's main package. Without cgo and paths the result is static, and a changed and a stock build
// share every unchanged package in the build cache, wherever the checkout lies.
func (c compilation) run(ctx context.Context, output string, stderr io.Writer) error {
	total, err := c.stalePackages(ctx)
	if err != nil {
		return err
	}
	arguments := append([]string{"build", "-v", "-trimpath", "-buildvcs=false", "-mod=readonly", "-ldflags=" + c.ldflags(), "-o", output}, c.arguments...)
	command := c.command(ctx, append(arguments, ".")...)
	reader, err := command.StderrPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	complaints := follow(reader, c.name, total, stderr)
	if err := command.Wait(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, complaints)
	}
	return nil
}

func (c compilation) ldflags() string {
	flags := "-s -w"
	for _, set := range c.set {
		flags += " -X " + set
	}
	return flags
}

// stalePackages counts what the build cache does not hold.
func (c compilation) stalePackages(ctx context.Context) (int, error) {
	arguments := append([]string{"list", "-trimpath", "-buildvcs=false", "-mod=readonly", "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}"}, c.arguments...)
	command := c.command(ctx, append(arguments, ".")...)
	var complaints bytes.Buffer
	command.Stderr = &complaints
	output, err := command.Output()
	if err != nil {
		return 0, fmt.Errorf("go list: %w\n%s", err, complaints.String())
	}
	return len(strings.Fields(string(output))), nil
}

func (c compilation) command(ctx context.Context, arguments ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, "go", arguments...)
	command.Dir = c.dir
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	// An interrupt lets the go tool clean up its work directory.
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 5 * time.Second
	return command
}

// follow reads the names that `go build -v` prints, one for each compiled package, and reports the progress until the
// output ends. It returns all other lines: they are complaints.
func follow(output io.Reader, name string, total int, stderr io.Writer) string {
	var compiled atomic.Int64
	done := make(chan struct{})
	reported := make(chan struct{})
	go func() {
		defer close(reported)
		report(done, &compiled, name, total, stderr)
	}()
	var complaints strings.Builder
	lines := bufio.NewScanner(output)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if line := lines.Text(); strings.ContainsAny(line, " :#\t") {
			complaints.WriteString(line + "\n")
		} else {
			compiled.Add(1)
		}
	}
	close(done)
	<-reported
	return complaints.String()
}

func report(done <-chan struct{}, compiled *atomic.Int64, name string, total int, stderr io.Writer) {
	ticker := time.NewTicker(reportEvery)
	defer ticker.Stop()
	for started := time.Now(); ; {
		select {
		case <-done:
			return
		case <-ticker.C:
			// The last one is our own main: once it is compiled, the linker is at work.
			count, step := compiled.Load(), ""
			if int(count) >= total {
				step = ", linking"
			}
			_, _ = fmt.Fprintf(stderr, "%s: %d of %d packages%s (%s)\n", name, min(int(count), total), total, step, time.Since(started).Round(time.Second))
		}
	}
}
