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

// Record writes down who was started, for a later Clear. One file, one process.
func Record(path string, id Identity) error {
	data, err := json.Marshal(id)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}

// Recorded reads what Record wrote; ErrGone when there is no record.
func Recorded(path string) (Identity, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Identity{}, ErrGone
	}
	if err != nil {
		return Identity{}, err
	}
	var id Identity
	if err := json.Unmarshal(data, &id); err != nil {
		// Half a record, from a run that was killed while it wrote.
		return Identity{}, ErrGone
	}
	return id, nil
}

// Clear ends the recorded process, if it is still there and really that one,
// and removes the record.
func Clear(path string, sig syscall.Signal, grace time.Duration) (ended bool, err error) {
	id, err := Recorded(path)
	if errors.Is(err, ErrGone) {
		return false, Forget(path)
	}
	if err != nil {
		return false, err
	}
	ended = id.Alive()
	if err := id.End(sig, grace); err != nil {
		return ended, err
	}
	return ended, Forget(path)
}

// Forget removes a record.
func Forget(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Lock holds a file for this process alone, and says who does if it is taken.
// The system itself lets go of it when the process ends.
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
		owner, _ := os.ReadFile(path)
		return nil, fmt.Errorf("%w (%s)", ErrLocked, owner)
	}
	_ = f.Truncate(0)
	_, _ = fmt.Fprintf(f, "process %d", os.Getpid())
	return func() { _ = f.Close() }, nil
}

// lockInterval is how often a lock that another process holds is tried again.
const lockInterval = 100 * time.Millisecond

// AwaitLock waits for a lock whose holder will soon be done.
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

// ErrLocked is the answer when another process holds a Lock.
var ErrLocked = errors.New("in use by another run")
