package system

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"comanda/infra/build"
)

// programs are the built programs and the repository they come from.
type programs struct {
	root  string
	bin   string // the folder of the services
	daprd string
}

func (p programs) service(name string) string { return filepath.Join(p.bin, name) }

// buildPrograms builds what a system needs; that is quick when nothing changed.
func buildPrograms(ctx context.Context, stock bool, progress io.Writer) (programs, error) {
	root, err := build.Root()
	if err != nil {
		return programs{}, err
	}
	sidecar := build.Daprd
	if stock {
		sidecar = build.StockDaprd
	}
	daprd, err := sidecar(ctx, progress)
	if err != nil {
		return programs{}, fmt.Errorf("build the runtime: %w", err)
	}
	bin, err := build.Services(ctx, progress)
	if err != nil {
		return programs{}, fmt.Errorf("build the services: %w", err)
	}
	return programs{root: root, bin: bin, daprd: daprd}, nil
}
