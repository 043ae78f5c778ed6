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

// flush writes a file or a folder through to the disk. A variable, so that the test can watch the order.
var flush = (*os.File).Sync

// Write replaces a file in one step. A reader sees the old content or the new, whole, also after a loss of power. The mode is
// the one asked for, regardless of the umask.
func Write(path string, content []byte, mode fs.FileMode) error {
	fresh := path + ".new"
	_ = os.Remove(fresh) // left by a run that was killed
	if err := writeFresh(fresh, content, mode); err != nil {
		return err
	}
	if err := os.Rename(fresh, path); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(flush(folder), folder.Close())
}

func writeFresh(path string, content []byte, mode fs.FileMode) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err == nil {
		err = errors.Join(file.Chmod(mode), flush(file))
	}
	return errors.Join(err, file.Close())
}
