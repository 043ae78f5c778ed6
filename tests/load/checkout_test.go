package load

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"comanda/infra/build"
)

// checkOut returns a folder with the files of a commit of this repository, in which all programs are built. It keeps the folder for
// the next run.
func checkOut(ctx context.Context, commit string) (string, error) {
	root, err := build.Root()
	if err != nil {
		return "", err
	}
	state, err := build.State()
	if err != nil {
		return "", err
	}
	name, err := output(ctx, root, "git", "rev-parse", "--verify", commit+"^{commit}")
	if err != nil {
		return "", fmt.Errorf("the baseline is not in this clone; fetch it (git fetch origin %s) or choose another with -baseline: %w", commit, err)
	}
	dir := filepath.Join(state, "baseline", name)
	if _, err := os.Stat(dir); err != nil {
		if err := extract(ctx, root, name, dir); err != nil {
			return "", err
		}
	}
	// The commit's own recipe builds it, so that its flags and changes to Dapr count.
	command := exec.CommandContext(ctx, "go", "run", "./dapr/local", "build")
	command.Dir, command.Stdout, command.Stderr = dir, os.Stderr, os.Stderr
	command.Env = append(os.Environ(), "COMANDA_STATE="+filepath.Join(dir, ".comanda"))
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("build %s: %w", commit, err)
	}
	return dir, nil
}

// extract writes the files of a commit into a new folder. A run that is killed half-way leaves no incomplete folder.
func extract(ctx context.Context, root, commit, dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	fresh, err := os.MkdirTemp(filepath.Dir(dir), "new-")
	if err != nil {
		return err
	}
	archive := filepath.Join(fresh, "archive.tar")
	if _, err := output(ctx, root, "git", "archive", "--output="+archive, commit); err != nil {
		return err
	}
	if _, err := output(ctx, fresh, "tar", "-xf", archive); err != nil {
		return err
	}
	if err := os.Remove(archive); err != nil {
		return err
	}
	return os.Rename(fresh, dir)
}

// output runs a command in a folder and returns what it prints, without the end of the line.
func output(ctx context.Context, dir, program string, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, program, arguments...)
	command.Dir = dir
	var wrong bytes.Buffer
	command.Stderr = &wrong
	printed, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", program, arguments[0], err, bytes.TrimSpace(wrong.Bytes()))
	}
	return string(bytes.TrimSpace(printed)), nil
}
