package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// WriteRecord writes the identity of a started process to a file of its own, for a later EndRecorded.
func WriteRecord(path string, id Identity) error {
	data, err := json.Marshal(id)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}

// ReadRecord reads a record. It returns ErrGone if there is none, or only an incomplete one.
func ReadRecord(path string) (Identity, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Identity{}, ErrGone
	}
	if err != nil {
		return Identity{}, err
	}
	var id Identity
	if err := json.Unmarshal(data, &id); err != nil {
		// A run that was killed while it wrote the record leaves an incomplete one.
		return Identity{}, ErrGone
	}
	return id, nil
}

// EndRecorded ends the recorded process if that very process still runs, and removes the record.
func EndRecorded(path string, sig syscall.Signal, grace time.Duration) (ended bool, err error) {
	id, err := ReadRecord(path)
	if errors.Is(err, ErrGone) {
		return false, RemoveRecord(path)
	}
	if err != nil {
		return false, err
	}
	ended = id.Alive()
	if err := id.End(sig, grace); err != nil {
		return ended, err
	}
	return ended, RemoveRecord(path)
}

// RemoveRecord removes a record.
func RemoveRecord(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Lock locks a file. If it is locked already, the error is ErrLocked with the id of the process that holds the lock. The kernel
// unlocks the file when this process ends.
func Lock(path string) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		holder, _ := os.ReadFile(path)
		return nil, fmt.Errorf("%w (%s)", ErrLocked, holder)
	}
	_ = f.Truncate(0)
	_, _ = fmt.Fprintf(f, "process %d", os.Getpid())
	return func() { _ = f.Close() }, nil
}

// lockInterval is the time between two attempts to get a lock that another process holds.
const lockInterval = 100 * time.Millisecond

// AwaitLock waits until it gets the lock or ctx is done. Use it for locks that are held for a short time.
func AwaitLock(ctx context.Context, path string) (unlock func(), err error) {
	for {
		unlock, err := Lock(path)
		if !errors.Is(err, ErrLocked) {
			return unlock, err
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(err, ctx.Err())
		case <-time.After(lockInterval):
		}
	}
}

// ErrLocked means that another process, or another part of this one, holds the lock.
var ErrLocked = errors.New("in use by another run")
