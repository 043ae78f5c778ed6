package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"comanda/infra/build"
)

// place is where the checkout is, and where everything that is made is kept.
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
	return p, errors.Join(private(p.logs()), private(p.processes()))
}

// private makes a directory that other users cannot look into. The state directory itself stays open: Postgres may run as
// another user below it.
func private(dir string) error {
	return errors.Join(os.MkdirAll(dir, 0o700), os.Chmod(dir, 0o700))
}

func (p place) secrets() string   { return filepath.Join(p.state, "secrets.env") }
func (p place) env() string       { return filepath.Join(p.state, "env") }
func (p place) urls() string      { return filepath.Join(p.state, "urls.env") }
func (p place) lock() string      { return filepath.Join(p.state, "local.lock") }
func (p place) processes() string { return filepath.Join(p.state, "processes") }
func (p place) logs() string      { return filepath.Join(p.state, "logs") }

func (p place) log(name string) string { return filepath.Join(p.logs(), name+".log") }

// relative is a path as a person at the checkout would type it.
func (p place) relative(path string) string {
	if short, err := filepath.Rel(p.root, path); err == nil && filepath.IsLocal(short) {
		return short
	}
	return path
}

// beginAfresh keeps the logs of the last run as NAME.log.1, and removes the sidecars' addresses: they are of processes that
// are gone.
func (p place) beginAfresh() error {
	logs, err := filepath.Glob(filepath.Join(p.logs(), "*.log"))
	if err != nil {
		return err
	}
	for _, log := range logs {
		err = errors.Join(err, os.Rename(log, log+".1"))
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		err = errors.Join(err, remove(filepath.Join(p.state, "names.db"+suffix)))
	}
	return err
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
