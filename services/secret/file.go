package secret

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Read reads a file of NAME=value lines; lines that begin with # are comments.
func Read(path string) (map[string]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	settings := map[string]string{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		name, value, found := strings.Cut(strings.TrimSpace(lines.Text()), "=")
		if found && !strings.HasPrefix(name, "#") {
			settings[name] = value
		}
	}
	return settings, lines.Err()
}

// flushToDisk flushes a file or a folder. It is a variable so that a test can observe the order.
var flushToDisk = (*os.File).Sync

// Write replaces a file atomically. A reader sees either the whole old content or the whole new content, even after a power failure. The
// file gets exactly this mode, regardless of the umask.
func Write(path string, content []byte, mode fs.FileMode) error {
	fresh := path + ".new"
	_ = os.Remove(fresh) // an earlier run that was killed may have left it
	if err := writeNewFile(fresh, content, mode); err != nil {
		return err
	}
	if err := os.Rename(fresh, path); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(flushToDisk(folder), folder.Close())
}

func writeNewFile(path string, content []byte, mode fs.FileMode) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err == nil {
		err = errors.Join(file.Chmod(mode), flushToDisk(file))
	}
	return errors.Join(err, file.Close())
}
