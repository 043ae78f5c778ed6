package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"comanda/infra/build"
)

// paths holds the checkout's root and the state directory. Its methods return the paths of the files in the state directory.
type paths struct{ root, state string }

// findPaths returns the paths, and makes the directories of the logs and of the programs' records.
func findPaths() (paths, error) {
	root, err := build.Root()
	if err != nil {
		return paths{}, err
	}
	state, err := build.State()
	if err != nil {
		return paths{}, err
	}
	p := paths{root: root, state: state}
	return p, errors.Join(makePrivateDir(p.logs()), makePrivateDir(p.processes()))
}

// makePrivateDir makes a directory that only its owner can open. The state directory itself stays open to all users, because
// Postgres may run in it as another user.
func makePrivateDir(dir string) error {
	return errors.Join(os.MkdirAll(dir, 0o700), os.Chmod(dir, 0o700))
}

func (p paths) secrets() string   { return filepath.Join(p.state, "secrets.env") }
func (p paths) env() string       { return filepath.Join(p.state, "env") }
func (p paths) urls() string      { return filepath.Join(p.state, "urls.env") }
func (p paths) lock() string      { return filepath.Join(p.state, "local.lock") }
func (p paths) processes() string { return filepath.Join(p.state, "processes") }
func (p paths) logs() string      { return filepath.Join(p.state, "logs") }

func (p paths) log(name string) string { return filepath.Join(p.logs(), name+".log") }

// relative returns a path relative to the checkout's root, or unchanged if it is outside the checkout.
func (p paths) relative(path string) string {
	if short, err := filepath.Rel(p.root, path); err == nil && filepath.IsLocal(short) {
		return short
	}
	return path
}

// removeOldFiles renames the logs of the last run to NAME.log.1. It removes the sidecars' addresses, whose processes have ended.
func (p paths) removeOldFiles() error {
	logs, err := filepath.Glob(filepath.Join(p.logs(), "*.log"))
	if err != nil {
		return err
	}
	for _, log := range logs {
		err = errors.Join(err, os.Rename(log, log+".1"))
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		err = errors.Join(err, removeFile(filepath.Join(p.state, "names.db"+suffix)))
	}
	return err
}

// removeFile removes a file if it exists.
func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
