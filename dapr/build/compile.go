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

// reportEvery is the time between two progress reports.
const reportEvery = 5 * time.Second

// compilation is one run of the compiler.
type compilation struct {
	name      string   // of the program, in messages
	dir       string   // the program's module
	set       []string // variables for the linker to set, each as IMPORTPATH.NAME=VALUE
	arguments []string // flags that replace upstream's files by ours
}

// run compiles the module's main package. Without cgo the result is static. With -trimpath, builds with
// and without our patches share the unchanged packages in the build cache, wherever the checkout is.
func (c compilation) run(ctx context.Context, output string, stderr io.Writer) error {
	total, err := c.countStalePackages(ctx)
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
	errorText := followBuild(reader, c.name, total, stderr)
	if err := command.Wait(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, errorText)
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

// countStalePackages counts the packages that the build must compile, because the build cache does not hold them.
func (c compilation) countStalePackages(ctx context.Context) (int, error) {
	arguments := append([]string{"list", "-trimpath", "-buildvcs=false", "-mod=readonly", "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}"}, c.arguments...)
	command := c.command(ctx, append(arguments, ".")...)
	var errorText bytes.Buffer
	command.Stderr = &errorText
	output, err := command.Output()
	if err != nil {
		return 0, fmt.Errorf("go list: %w\n%s", err, errorText.String())
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

// followBuild reads the output of `go build -v` and reports the progress until the output ends. The output names each compiled
// package; followBuild returns all other lines, which are error messages.
func followBuild(output io.Reader, name string, total int, stderr io.Writer) string {
	var compiled atomic.Int64
	done := make(chan struct{})
	reportsEnded := make(chan struct{})
	go func() {
		defer close(reportsEnded)
		reportProgress(done, &compiled, name, total, stderr)
	}()
	var errorText strings.Builder
	lines := bufio.NewScanner(output)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if line := lines.Text(); strings.ContainsAny(line, " :#\t") {
			errorText.WriteString(line + "\n")
		} else {
			compiled.Add(1)
		}
	}
	close(done)
	<-reportsEnded
	return errorText.String()
}

// reportProgress prints the number of compiled packages every reportEvery until done is closed.
func reportProgress(done <-chan struct{}, compiled *atomic.Int64, name string, total int, stderr io.Writer) {
	ticker := time.NewTicker(reportEvery)
	defer ticker.Stop()
	for started := time.Now(); ; {
		select {
		case <-done:
			return
		case <-ticker.C:
			// The last package is our own main. Once it is compiled, only linking is left.
			count, step := compiled.Load(), ""
			if int(count) >= total {
				step = ", linking"
			}
			_, _ = fmt.Fprintf(stderr, "%s: %d of %d packages%s (%s)\n", name, min(int(count), total), total, step, time.Since(started).Round(time.Second))
		}
	}
}
