package build

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"comanda/infra/process"
	"comanda/services"
)

// Daprd builds our daprd, with the outbox engine that keeps events as rows,
// and returns the program's path. The first time takes some minutes.
func Daprd(ctx context.Context, progress io.Writer) (string, error) {
	return buildDaprd(ctx, progress, false)
}

// StockDaprd builds the same daprd around Dapr's own outbox engine.
func StockDaprd(ctx context.Context, progress io.Writer) (string, error) {
	return buildDaprd(ctx, progress, true, "-stock")
}

func buildDaprd(ctx context.Context, progress io.Writer, stock bool, more ...string) (string, error) {
	program, err := DaprdPath(stock)
	if err != nil {
		return "", err
	}
	return program, patched(ctx, progress, "../daprd", program, more...)
}

// Broker builds the embedded Kafka broker and returns the program's path.
// Every test package that starts a broker calls it, so it does not even run
// the go tool when nothing changed.
func Broker(ctx context.Context, progress io.Writer) (string, error) {
	program, err := Bin("broker")
	if err != nil {
		return "", err
	}
	inputs, err := hashFolders("dapr/build", "infra/broker")
	if err != nil {
		return "", err
	}
	if isFresh(program, inputs) {
		return program, nil
	}
	if err := patched(ctx, progress, "../../infra/broker", program); err != nil {
		return "", err
	}
	return program, markFresh(program, inputs)
}

// patched builds a program around a patched upstream module (dapr/build).
func patched(ctx context.Context, progress io.Writer, module, program string, more ...string) error {
	args := []string{"-C", "dapr/build", "run", ".", "-module", module, "-o", program}
	return goTool(ctx, progress, append(args, more...)...)
}

// CLI builds the Dapr CLI and returns the program's path.
func CLI(ctx context.Context, progress io.Writer) (string, error) {
	program, err := Bin("dapr")
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(program); err != nil {
		_, _ = fmt.Fprintln(progress, "dapr: building the Dapr CLI, about two minutes the first time")
	}
	args := []string{"-C", "dapr/cli", "build", "-v", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", program, "."}
	return program, locked(ctx, program, func() error { return goTool(ctx, count("dapr", progress), args...) })
}

// Services builds the five services and returns the folder they are in.
// One call of the go tool for all: it compiles what they share once, and is
// done in half a second when nothing changed.
func Services(ctx context.Context, progress io.Writer) (string, error) {
	state, err := State()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(state, "bin")
	return dir, buildServices(ctx, dir, services.Names, progress)
}

// Service builds one of the services and returns the program's path.
func Service(ctx context.Context, name string, progress io.Writer) (string, error) {
	program, err := Bin(name)
	if err != nil {
		return "", err
	}
	return program, buildServices(ctx, filepath.Dir(program), []string{name}, progress)
}

func buildServices(ctx context.Context, dir string, names []string, progress io.Writer) error {
	args := []string{"build", "-v", "-trimpath", "-buildvcs=false", "-o", dir + string(filepath.Separator)}
	for _, name := range names {
		args = append(args, "./services/"+name)
	}
	return locked(ctx, filepath.Join(dir, "services"), func() error {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		return goTool(ctx, count("services", progress), args...)
	})
}

// locked keeps test packages that run at the same time from building the same
// program over each other.
func locked(ctx context.Context, program string, build func() error) error {
	if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
		return err
	}
	unlock, err := process.AwaitLock(ctx, program+".lock")
	if err != nil {
		return err
	}
	defer unlock()
	return build()
}

// goTool runs the go command in the checkout; its output is the progress.
func goTool(ctx context.Context, progress io.Writer, args ...string) error {
	root, err := Root()
	if err != nil {
		return err
	}
	if _, err := exec.LookPath("go"); err != nil {
		return fmt.Errorf("the go command is not in the PATH: install Go and try again")
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = progress, io.MultiWriter(progress, &said)
	// The whole family at once: `go run` leaves its child behind otherwise.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("go %s: %w%s", strings.Join(args[:min(4, len(args))], " "), err, lastLine(said.String()))
	}
	return nil
}

// lastLine is what the tool complained of; `go run` adds the exit status of
// what it ran, which says nothing.
func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for len(lines) > 1 && (lines[len(lines)-1] == "" || strings.HasPrefix(lines[len(lines)-1], "exit status")) {
		lines = lines[:len(lines)-1]
	}
	if last := lines[len(lines)-1]; last != "" {
		return ": " + last
	}
	return ""
}
