//go:build compose

package compose

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// remove removes everything of the project, in any state. It returns an error that lists the remaining objects.
func (sys *stack) remove() error {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	if containers, _ := listObjects(ctx, "container", project); len(containers) > 0 {
		_, _ = docker(ctx, append([]string{"container", "rm", "--force", "--volumes"}, containers...)...)
	}
	for _, kind := range []string{"network", "volume"} {
		if things, _ := listObjects(ctx, kind, project); len(things) > 0 {
			_, _ = docker(ctx, append([]string{kind, "rm"}, things...)...)
		}
	}
	return checkNothingLeft(ctx)
}

// checkNothingLeft returns an error that lists the project's remaining objects.
func checkNothingLeft(ctx context.Context) error {
	for _, kind := range []string{"container", "network", "volume"} {
		things, err := listObjects(ctx, kind, project)
		if err != nil {
			return err
		}
		if len(things) > 0 {
			return fmt.Errorf("%d %ss: %v", len(things), kind, things)
		}
	}
	return nil
}

// saveLogs saves every container's log and its `docker inspect` in a folder.
func (sys *stack) saveLogs() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	dir := os.Getenv("LOGS")
	if dir == "" {
		dir = filepath.Join(os.TempDir(), "comanda-compose-"+runStart.Format("20060102-150405"))
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		printProgress("the logs cannot be kept: %v", err)
		return
	}
	all, err := sys.containers(ctx)
	if err != nil {
		printProgress("the logs cannot be kept: %v", err)
		return
	}
	for service, c := range all {
		logs, _ := containerLog(ctx, c.ID, "--timestamps")
		_ = os.WriteFile(filepath.Join(dir, service+".log"), []byte(logs), 0o644)
	}
	if text, err := docker(ctx, "ps", "--all", "--no-trunc", "--filter", "label=com.docker.compose.project="+project); err == nil {
		_ = os.WriteFile(filepath.Join(dir, "containers.txt"), []byte(text), 0o644)
	}
	sys.note("the logs of this run are in %s", dir)
}
