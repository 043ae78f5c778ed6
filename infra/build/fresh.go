package build

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// hashFolders returns a hash of all files in these folders of the checkout, and of the toolchain. It reads a few small files,
// which takes a millisecond.
func hashFolders(folders ...string) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	_, _ = fmt.Fprintln(sum, runtime.Version(), os.Getenv("GOOS"), os.Getenv("GOARCH"))
	for _, folder := range folders {
		if err := hashFolder(sum, filepath.Join(root, folder)); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// hashFolder adds the path and the content of each file in folder to sum.
func hashFolder(sum io.Writer, folder string) error {
	return filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		_, _ = fmt.Fprintf(sum, "%s %x\n", path, sha256.Sum256(content))
		return err
	})
}

// isFresh reports whether markFresh was called for this very file with these inputs. Another file in its place would have another
// size or modification time.
func isFresh(program, inputs string) bool {
	stored, err := os.ReadFile(freshPath(program))
	if err != nil {
		return false
	}
	text, err := freshText(program, inputs)
	return err == nil && string(stored) == text
}

// markFresh records that the program was built from these inputs. The rename keeps another process from reading half a record.
func markFresh(program, inputs string) error {
	text, err := freshText(program, inputs)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(program), filepath.Base(program)+".fresh-*")
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		_ = os.Remove(file.Name())
		return err
	}
	return os.Rename(file.Name(), freshPath(program))
}

// freshText returns the content of the record: the inputs and the program's size and modification time.
func freshText(program, inputs string) (string, error) {
	info, err := os.Stat(program)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s\n%d %d\n", inputs, info.Size(), info.ModTime().UnixNano()), nil
}

// freshPath returns the path of the record.
func freshPath(program string) string { return program + ".fresh" }
