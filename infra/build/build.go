package build

import (
	"context"
	"errors"
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

// Daprd builds our daprd, whose outbox engine keeps events as rows, and returns the program's path. The first build takes some
// minutes.
func Daprd(ctx context.Context, progress io.Writer) (string, error) {
	const stock = false
	return buildDaprd(ctx, progress, stock)
}

// StockDaprd builds unmodified daprd: the same version with Dapr's own outbox engine.
func StockDaprd(ctx context.Context, progress io.Writer) (string, error) {
	const stock = true
	return buildDaprd(ctx, progress, stock, "-stock")
}

func buildDaprd(ctx context.Context, progress io.Writer, stock bool, args ...string) (string, error) {
	program, err := DaprdPath(stock)
	if err != nil {
		return "", err
	}
	return program, buildPatched(ctx, progress, "../daprd", program, args...)
}

// Broker builds the embedded broker and returns the program's path. Every test package that starts a broker calls it, so it does
// not even run the go tool when nothing changed.
func Broker(ctx context.Context, progress io.Writer) (string, error) {
	program, err := ProgramPath("broker")
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
	if err := buildPatched(ctx, progress, "../../infra/broker", program); err != nil {
		return "", err
	}
	return program, markFresh(program, inputs)
}

// buildPatched builds a program around a patched upstream module (dapr/build).
func buildPatched(ctx context.Context, progress io.Writer, module, program string, args ...string) error {
	run := []string{"-C", "dapr/build", "run", ".", "-module", module, "-o", program}
	return runGo(ctx, progress, append(run, args...)...)
}

// CLI builds the Dapr CLI and returns the program's path.
func CLI(ctx context.Context, progress io.Writer) (string, error) {
	program, err := ProgramPath("dapr")
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(program); err != nil {
		_, _ = fmt.Fprintln(progress, "dapr: building the Dapr CLI; the first build takes about two minutes")
	}
	args := []string{"-C", "dapr/cli", "build", "-v", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", program, "."}
	return program, withBuildLock(ctx, program, func() error { return runGo(ctx, newPackageCounter("dapr", progress), args...) })
}

// Services builds the five services and returns their folder. It calls the go tool once for all of them, which compiles shared
// packages once and takes half a second when nothing changed.
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
	program, err := ProgramPath(name)
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
	return withBuildLock(ctx, filepath.Join(dir, "services"), func() error {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		return runGo(ctx, newPackageCounter("services", progress), args...)
	})
}

// withBuildLock calls build while it holds the program's lock, so that concurrent test packages do not overwrite each other's
// build.
func withBuildLock(ctx context.Context, program string, build func() error) error {
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

// runGo runs the go command in the checkout and writes its output to progress.
func runGo(ctx context.Context, progress io.Writer, args ...string) error {
	root, err := Root()
	if err != nil {
		return err
	}
	if _, err := exec.LookPath("go"); err != nil {
		return errors.New("the go command is not in the PATH: install Go and try again")
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	var errorText strings.Builder
	cmd.Stdout, cmd.Stderr = progress, io.MultiWriter(progress, &errorText)
	// A signal goes to the whole process group: `go run` does not end its child.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("go %s: %w%s", strings.Join(args[:min(4, len(args))], " "), err, lastLine(errorText.String()))
	}
	return nil
}

// lastLine returns the tool's last line of output after a colon, to append to an error. It is empty if there is no output. It skips the
// exit status that `go run` adds, which explains nothing.
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
