package rest

import (
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// MaxBody and encoding/json let a client send deeply nested bodies with long names. Finding the wrong fields in them must not
// allocate more than a small multiple of MaxBody.
func TestADeepBodyIsCheapToCheck(t *testing.T) {
	name := strings.Repeat("n", maxName)
	deep := func(opening, closing string) []byte {
		depth := min(9000, MaxBody/len(opening+closing)-1)
		return []byte(`{"a":` + strings.Repeat(opening, depth) + `0` + strings.Repeat(closing, depth) + `}`)
	}
	for _, body := range [][]byte{deep(`{"`+name+`":`, `}`), deep(`[`, `]`)} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		wrong := wrongFields(body, reflect.TypeFor[struct{}]())
		runtime.ReadMemStats(&after)
		if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 32*MaxBody {
			t.Errorf("checking a body of %d bytes that begins %.10s allocated %d bytes, want at most %d", len(body), body, allocated,
				32*MaxBody)
		}
		if len(wrong) != 1 || wrong[0].Field != "a" {
			t.Errorf("got wrong fields %.200v, want a alone", wrong)
		}
	}
}
