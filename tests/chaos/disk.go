package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// disk is a small file system of its own for the data of Postgres, so that it can be full.
type disk struct{ dir string }

// mountDisk mounts a file system at dir. Only root may do that.
func mountDisk(dir, size string) (*disk, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size+",mode=0755"); err != nil {
		return nil, fmt.Errorf("mount a file system at %s: %w", dir, err)
	}
	return &disk{dir}, nil
}

func (d *disk) unmount() error { return syscall.Unmount(d.dir, syscall.MNT_DETACH) }

func (d *disk) ballast() string { return filepath.Join(d.dir, "ballast") }

// fill leaves no block for Postgres. It allocates as much as it can at once, then half as much, down to one block.
func (d *disk) fill(ctx context.Context) error {
	file, err := os.Create(d.ballast())
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	block := int64(os.Getpagesize())
	for size, more := int64(0), int64(1<<30); more >= block && ctx.Err() == nil; {
		if err := syscall.Fallocate(int(file.Fd()), 0, size, more); err == nil {
			size += more
		} else if errors.Is(err, syscall.ENOSPC) {
			more /= 2
		} else {
			return err
		}
	}
	return ctx.Err()
}

// free deletes what fill has written.
func (d *disk) free(context.Context) error { return os.Remove(d.ballast()) }
