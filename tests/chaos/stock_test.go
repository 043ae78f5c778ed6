package chaos

import (
	"testing"

	"github.com/anishathalye/porcupine"

	"comanda/tests/client"
)

// The check accepts every history of a correct stock, and refuses one in which a piece is sold twice or disappears.
func TestAHistoryThatNoStockExplainsIsRefused(t *testing.T) {
	take := func(amount int, done bool, call, back int64) porcupine.Operation {
		return porcupine.Operation{Input: stockOperation{"take", amount}, Output: stockAnswer{done, unknown}, Call: call, Return: back}
	}
	read := func(available int, call, back int64) porcupine.Operation {
		return porcupine.Operation{Input: stockOperation{"read", 0}, Output: stockAnswer{true, available}, Call: call, Return: back}
	}
	for name, tc := range map[string]struct {
		history []porcupine.Operation
		legal   bool
	}{
		"one after the other":      {[]porcupine.Operation{take(3, true, 1, 2), read(2, 3, 4), take(3, false, 5, 6)}, true},
		"at the same time":         {[]porcupine.Operation{take(3, true, 1, 9), read(5, 2, 3), read(2, 4, 5)}, true},
		"sold twice":               {[]porcupine.Operation{take(3, true, 1, 2), take(3, true, 1, 2)}, false},
		"refused without a reason": {[]porcupine.Operation{take(3, false, 1, 2)}, false},
		"old after new":            {[]porcupine.Operation{take(3, true, 1, 9), read(2, 2, 3), read(5, 4, 5)}, false},
		"a piece that disappears":  {[]porcupine.Operation{take(1, true, 1, 2), read(3, 3, 4)}, false},
	} {
		h := newStockHistory(nil, client.Product{Name: "Soup", Available: 5})
		h.operations = tc.history
		if _, err := h.check(); (err == nil) != tc.legal {
			t.Errorf("%s: got %v, want it accepted: %v", name, err, tc.legal)
		}
	}
}
