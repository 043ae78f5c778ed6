package journey

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"comanda/tests/scenario"
	"comanda/tests/system"
)

// checkQuiet checks a system in which no test broke anything: every event was published as docs/asyncapi.yaml says and
// handled, and no program logged an error or a line that is not JSON.
func checkQuiet(sys *system.System) error {
	ctx, cancel := context.WithTimeout(context.Background(), scenario.SagaTimeout)
	defer cancel()
	if err := invariants(sys).CheckNothingLeft(ctx); err != nil {
		return err
	}
	if err := sys.CheckEvents(); err != nil {
		return err
	}
	for _, program := range sys.Programs() {
		for line := range strings.Lines(program.Log()) {
			if strings.Contains(line, `"level":"ERROR"`) || strings.Contains(line, `"level":"error"`) ||
				strings.HasPrefix(line, "panic:") {
				return fmt.Errorf("%s logged an error although no test broke anything: %s", program.Name, strings.TrimSpace(line))
			}
			if !json.Valid([]byte(line)) {
				return fmt.Errorf("%s logged a line that is not JSON: %s", program.Name, strings.TrimSpace(line))
			}
		}
	}
	return nil
}
