package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// hashInputs returns a hash of everything that determines the program: the files of the builder and of the program's module, the
// toolchain, the platform, and stock. Their go.mod and go.sum pin all other modules.
func hashInputs(stock bool, folders ...string) (string, error) {
	sum := sha256.New()
	const version = "2" // of the builder's output; a new version makes every stamp invalid
	fmt.Fprintln(sum, version, runtime.Version(), os.Getenv("GOOS"), os.Getenv("GOARCH"), runtime.GOOS, runtime.GOARCH, stock)
	for _, folder := range folders {
		if err := hashFolder(sum, folder); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// hashFolder adds the name and the content of each input in folder to sum.
func hashFolder(sum io.Writer, folder string) error {
	return filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() || !isInput(path) {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(folder, path)
		_, _ = fmt.Fprintf(sum, "%s %x\n", filepath.ToSlash(name), sha256.Sum256(content))
		return err
	})
}

// isInput reports whether the build depends on a file.
func isInput(path string) bool {
	if strings.HasSuffix(path, "_test.go") {
		return false
	}
	switch name := filepath.Base(path); name {
	case "go.mod", "go.sum", sumsFile:
		return true
	default:
		return filepath.Ext(name) == ".go" || filepath.Ext(name) == patchSuffix
	}
}

// isUpToDate reports whether the stamp was written for this very program with these inputs. Another file in its place would have
// another size or modification time.
func isUpToDate(target, inputs string) bool {
	stamp, err := os.ReadFile(stampPath(target))
	if err != nil {
		return false
	}
	want, err := stampText(target, inputs)
	return err == nil && string(stamp) == want
}

func writeStamp(target, inputs string) error {
	text, err := stampText(target, inputs)
	if err != nil {
		return err
	}
	return os.WriteFile(stampPath(target), []byte(text), 0o644)
}

func stampText(target, inputs string) (string, error) {
	info, err := os.Stat(target)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("inputs %s\nsize %d\ntime %d\n", inputs, info.Size(), info.ModTime().UnixNano()), nil
}

func stampPath(target string) string { return target + ".stamp" }

// fileSum returns the SHA-256 of a file in hex.
func fileSum(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
