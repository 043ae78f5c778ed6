package rest

import (
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// A body can be deep and its names long, within what MaxBody and encoding/json let through. Saying where it is wrong must not
// cost more than reading it.
func TestADeepBodyIsCheap(t *testing.T) {
	name := strings.Repeat("n", maxName)
	deep := func(open, shut string) []byte {
		depth := min(9000, MaxBody/len(open+shut)-1)
		return []byte(`{"a":` + strings.Repeat(open, depth) + `0` + strings.Repeat(shut, depth) + `}`)
	}
	for _, body := range [][]byte{deep(`{"`+name+`":`, `}`), deep(`[`, `]`)} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		wrong := misfits(body, reflect.TypeFor[struct{}]())
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 32*MaxBody {
			t.Errorf("a body of %d bytes that begins %.10s took %d bytes to check", len(body), body, took)
		}
		if len(wrong) != 1 || wrong[0].Field != "a" {
			t.Errorf("wrong fields %.200v", wrong)
		}
	}
}
