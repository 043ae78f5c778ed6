package system

import (
	"errors"
	"os"
	"path/filepath"
)

// Logs returns the whole log of every process so far, by the name of its file: the services, their sidecars, Postgres and the
// broker.
func (sys *System) Logs() (map[string]string, error) {
	files, err := filepath.Glob(filepath.Join(sys.path("logs"), "*.log"))
	logs := map[string]string{}
	for _, file := range files {
		text, failed := os.ReadFile(file)
		logs[filepath.Base(file)] = string(text)
		err = errors.Join(err, failed)
	}
	return logs, err
}
