package system

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// programs are the built programs and the repository they come from.
type programs struct {
	root  string
	bin   string // the folder of the services
	daprd string
}

func (p programs) service(name string) string { return filepath.Join(p.bin, name) }

// build builds what a system needs; that is quick when nothing changed.
func build(ctx context.Context, stock bool, progress io.Writer) (programs, error) {
	root, err := Root()
	if err != nil {
		return programs{}, err
	}
	state := filepath.Join(root, ".comanda")
	built := programs{root: root, bin: filepath.Join(state, "bin"), daprd: filepath.Join(state, "runtime/.dapr/bin/daprd")}
	if stock {
		built.daprd = filepath.Join(state, "runtime-stock/.dapr/bin/daprd")
	}
	for _, service := range Services {
		cmd := exec.CommandContext(ctx, "go", "build", "-o", built.service(service), "./services/"+service)
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			return programs{}, fmt.Errorf("build %s: %w\n%s", service, err, out)
		}
	}
	return built, nil
}

// Root is the folder of the repository: the nearest one above the test's that holds the module.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "dapr", "subscriptions")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("the tests have to run inside the repository")
		}
		dir = filepath.Dir(dir)
	}
}
