package build

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
)

// errNoRoot is Root's error outside a checkout.
var errNoRoot = errors.New("the working directory is not in a Comanda checkout: run this inside the checkout")

// Root returns the checkout's directory: the one at or above the working directory that holds the go.mod of module comanda.
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

// State returns the state directory, which holds programs, logs and data.
func State() (string, error) {
	if dir := os.Getenv("COMANDA_STATE"); dir != "" {
		return filepath.Abs(dir)
	}
	root, err := Root()
	return filepath.Join(root, ".comanda"), err
}

// DaprdPath returns the path of our daprd, or of unmodified daprd. DAPR_RUNTIME_PATH takes the folder three levels above it.
func DaprdPath(stock bool) (string, error) {
	state, err := State()
	folder := "runtime"
	if stock {
		folder = "runtime-stock"
	}
	return filepath.Join(state, folder, ".dapr", "bin", "daprd"), err
}

// ProgramPath returns the path of a built program: a service, broker or dapr. For the name "" it returns the programs' folder.
func ProgramPath(name string) (string, error) {
	state, err := State()
	return filepath.Join(state, "bin", name), err
}
