package journey

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"comanda/tests/scenario"
	"comanda/tests/system"
)

// atPeace says what is wrong with a system in which nothing was broken: an event that could not be processed or published,
// a part that complained, or that said something in another form than JSON.
func atPeace(s *system.System) error {
	ctx, cancel := context.WithTimeout(context.Background(), scenario.SagaTimeout)
	defer cancel()
	if err := invariants(s).CheckNothingLeft(ctx); err != nil {
		return err
	}
	for _, program := range s.Programs() {
		for line := range strings.Lines(program.Log()) {
			if strings.Contains(line, `"level":"ERROR"`) || strings.Contains(line, `"level":"error"`) || strings.HasPrefix(line, "panic:") {
				return fmt.Errorf("%s complains in peace: %s", program.Name, strings.TrimSpace(line))
			}
			if !json.Valid([]byte(line)) {
				return fmt.Errorf("%s logs what is no JSON: %s", program.Name, strings.TrimSpace(line))
			}
		}
	}
	return nil
}
