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
	dapr      module
	engine    string   // "stock" or "rows", for --build-info
	arguments []string // what makes our files stand for Dapr's
}

// run compiles this module's main. Without cgo and paths the result is static, and every package that both engines have
// in common comes out of the build cache for the second, wherever the checkout lies.
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
	complaints := follow(reader, total, stderr)
	if err := command.Wait(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, complaints)
	}
	return nil
}

// ldflags make the program say what it is; `dapr run` asks it for the version, and acts on it.
func (c compilation) ldflags() string {
	version := strings.TrimPrefix(c.dapr.Version, "v")
	flags := "-s -w"
	for _, set := range []string{
		daprModule + "/pkg/buildinfo.version=" + version,
		daprModule + "/pkg/buildinfo.gitversion=" + c.dapr.Version + "+" + c.engine,
		daprModule + "/pkg/buildinfo.gitcommit=" + c.dapr.Origin.Hash,
		"github.com/dapr/kit/logger.DaprVersion=" + version,
	} {
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

func (compilation) command(ctx context.Context, arguments ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, "go", arguments...)
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	// An interrupt lets the go tool clean up its work directory.
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 5 * time.Second
	return command
}

// follow reads the names `go build -v` prints, one for each package it compiles, and tells how far it is until the
// output ends. What is not such a name is a complaint, and returned.
func follow(output io.Reader, total int, stderr io.Writer) string {
	var compiled atomic.Int64
	done := make(chan struct{})
	reported := make(chan struct{})
	go func() {
		defer close(reported)
		report(done, &compiled, total, stderr)
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

func report(done <-chan struct{}, compiled *atomic.Int64, total int, stderr io.Writer) {
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
			_, _ = fmt.Fprintf(stderr, "daprd: %d of %d packages%s (%s)\n", min(int(count), total), total, step, time.Since(started).Round(time.Second))
		}
	}
}
