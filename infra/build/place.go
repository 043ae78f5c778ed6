package build

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
)

// errNoRoot is the answer outside a checkout.
var errNoRoot = errors.New("no Comanda checkout here: run this inside of it")

// Root is the checkout's directory: the one with the go.mod of module comanda
// at or above the working directory.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(mod, []byte("module comanda\n")) {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errNoRoot
		}
		dir = filepath.Dir(dir)
	}
}

// State is the directory for all that is built, started and kept.
func State() (string, error) {
	if dir := os.Getenv("COMANDA_STATE"); dir != "" {
		return filepath.Abs(dir)
	}
	root, err := Root()
	return filepath.Join(root, ".comanda"), err
}

// DaprdPath is where our daprd is, or the stock one. The folder three levels above is what DAPR_RUNTIME_PATH takes.
func DaprdPath(stock bool) (string, error) {
	state, err := State()
	folder := "runtime"
	if stock {
		folder = "runtime-stock"
	}
	return filepath.Join(state, folder, ".dapr", "bin", "daprd"), err
}

// Bin is where a built program is: a service's name, or dapr.
func Bin(name string) (string, error) {
	state, err := State()
	return filepath.Join(state, "bin", name), err
}
