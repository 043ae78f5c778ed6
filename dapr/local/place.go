package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"comanda/infra/build"
)

// place is where the checkout is, and where everything made is kept.
type place struct{ root, state string }

func findPlace() (place, error) {
	root, err := build.Root()
	if err != nil {
		return place{}, err
	}
	state, err := build.State()
	if err != nil {
		return place{}, err
	}
	p := place{root: root, state: state}
	return p, errors.Join(private(p.logs()), private(filepath.Dir(p.runLogs())), private(p.processes()))
}

// private makes a directory that nobody else can look into. The state directory
// itself is passed by the user that Postgres runs as.
func private(dir string) error {
	return errors.Join(os.MkdirAll(dir, 0o700), os.Chmod(dir, 0o700))
}

func (p place) secrets() string   { return filepath.Join(p.state, "secrets.env") }
func (p place) lock() string      { return filepath.Join(p.state, "local.lock") }
func (p place) control() string   { return filepath.Join(p.state, "local.sock") }
func (p place) names() string     { return filepath.Join(p.state, "names.db") }
func (p place) processes() string { return filepath.Join(p.state, "processes") }
func (p place) runLogs() string   { return filepath.Join(p.state, ".dapr", "logs") }

func (p place) logs() string { return filepath.Join(p.state, "logs") }

// log is where a part's whole output is: order, order-sidecar, dapr, ...
func (p place) log(name string) string { return filepath.Join(p.state, "logs", name+".log") }

// relative is a path as a person at the checkout would type it.
func (p place) relative(path string) string {
	if short, err := filepath.Rel(p.root, path); err == nil && filepath.IsLocal(short) {
		return short
	}
	return path
}

// keptLogs is how many log files stay of each part, the coming one not counted.
const keptLogs = 4

// pruneLogs removes the oldest of the files that the CLI makes anew each time.
func (p place) pruneLogs(apps []app) error {
	for _, a := range apps {
		for _, kind := range []string{"_app_", "_daprd_"} {
			files, err := filepath.Glob(filepath.Join(p.runLogs(), a.ID+kind+"*.log"))
			if err != nil {
				return err
			}
			slices.Sort(files) // their names end in the time
			for _, old := range files[:max(0, len(files)-keptLogs)] {
				if err := remove(old); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
