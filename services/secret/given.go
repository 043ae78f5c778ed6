package secret

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
)

// Given returns the value of a setting of one line: the value of NAME, or the content of the file that NAME_FILE names, or an empty
// string. Its errors never contain the value.
func Given(environ map[string]string, name string) (string, error) {
	value, err := GivenText(environ, name)
	if err == nil && strings.ContainsAny(value, "\r\n\x00") {
		return "", fmt.Errorf("%s must be one line", name)
	}
	return value, err
}

// GivenText is Given for a setting that may have several lines, such as a certificate. Both a value and a file with content are an
// error: either could be the outdated one. The line end of the file's last line is not part of the value.
func GivenText(environ map[string]string, name string) (string, error) {
	value, path := environ[name], environ[name+"_FILE"]
	if path == "" {
		return value, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%s_FILE: %w", name, err)
	}
	content := strings.TrimRight(string(text), "\r\n")
	if value != "" && content != "" {
		return "", fmt.Errorf("%[1]s and %[1]s_FILE are both set: set only one of them", name)
	}
	return value + content, nil
}

// WithFiles returns environ with the content of NAME_FILE as NAME, and without NAME_FILE, for every NAME that is wanted. Other
// variables whose names end in _FILE are left alone: they belong to other programs. Its error reports all invalid settings.
func WithFiles(environ map[string]string, wanted func(name string) bool) (map[string]string, error) {
	merged := maps.Clone(environ)
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(environ)) {
		base, isFile := strings.CutSuffix(name, "_FILE")
		if !isFile || !wanted(base) {
			continue
		}
		text, err := GivenText(environ, base)
		wrong = append(wrong, err)
		merged[base] = text
		delete(merged, name)
	}
	return merged, errors.Join(wrong...)
}

// CheckMode returns an error if others than the owner may read or write the file at path. A missing file is no error.
func CheckMode(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		err = fmt.Errorf("%s holds secrets and has the mode %04o: run `chmod 600 %s`", path, info.Mode().Perm(), path)
	}
	return err
}
