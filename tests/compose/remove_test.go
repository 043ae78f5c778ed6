//go:build compose

package compose

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// remove removes the project's containers, networks and volumes, in any state. If some remain, the error lists them.
func (sys *stack) remove() error {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	if containers, _ := listObjects(ctx, "container", project); len(containers) > 0 {
		_, _ = docker(ctx, append([]string{"container", "rm", "--force", "--volumes"}, containers...)...)
	}
	for _, kind := range []string{"network", "volume"} {
		if objects, _ := listObjects(ctx, kind, project); len(objects) > 0 {
			_, _ = docker(ctx, append([]string{kind, "rm"}, objects...)...)
		}
	}
	return checkNothingLeft(ctx)
}

// checkNothingLeft checks that the project has no container, network or volume. Otherwise the error lists them.
func checkNothingLeft(ctx context.Context) error {
	for _, kind := range []string{"container", "network", "volume"} {
		objects, err := listObjects(ctx, kind, project)
		if err != nil {
			return err
		}
		if len(objects) > 0 {
			return fmt.Errorf("got %d %ss, want none: %v", len(objects), kind, objects)
		}
	}
	return nil
}

// saveLogs saves the log of every container, and the list of the containers, in a folder.
func (sys *stack) saveLogs() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	dir := os.Getenv("LOGS")
	if dir == "" {
		dir = filepath.Join(os.TempDir(), "comanda-compose-"+runStart.Format("20060102-150405"))
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		printProgress("cannot save the logs: %v", err)
		return
	}
	all, err := sys.containers(ctx)
	if err != nil {
		printProgress("cannot save the logs: %v", err)
		return
	}
	for service, c := range all {
		logs, _ := containerLog(ctx, c.ID, "--timestamps")
		_ = os.WriteFile(filepath.Join(dir, service+".log"), []byte(logs), 0o644)
	}
	ofProject := "label=com.docker.compose.project=" + project
	if text, err := docker(ctx, "ps", "--all", "--no-trunc", "--filter", ofProject); err == nil {
		_ = os.WriteFile(filepath.Join(dir, "containers.txt"), []byte(text), 0o644)
	}
	sys.note("the logs of this run are in %s", dir)
}
