package rest

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"comanda/services/internal/fault"
)

// Finding the wrong fields in a body that is deeply nested, with long names, must not allocate more than a small multiple of its
// size.
func TestADeepBodyIsCheapToCheck(t *testing.T) {
	const size = 1 << 20 // much more than a request may have
	name := strings.Repeat("n", maxName)
	deep := func(opening, closing string) []byte {
		depth := min(9000, size/len(opening+closing)-1)
		return []byte(`{"a":` + strings.Repeat(opening, depth) + `0` + strings.Repeat(closing, depth) + `}`)
	}
	for _, body := range [][]byte{deep(`{"`+name+`":`, `}`), deep(`[`, `]`)} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		wrong := wrongFields(body, reflect.TypeFor[struct{}]())
		runtime.ReadMemStats(&after)
		if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 32*size {
			t.Errorf("checking a body of %d bytes that begins %.10s allocated %d bytes, want at most %d", len(body), body, allocated,
				32*size)
		}
		if len(wrong) != 1 || wrong[0].Field != "a" {
			t.Errorf("got wrong fields %.200v, want a alone", wrong)
		}
	}
}

// The check of a body must stop as soon as it has found enough wrong fields, before it reads and remembers all members.
func TestAWideBodyIsCheapToCheck(t *testing.T) {
	var wide strings.Builder
	wide.WriteString(`{"m0":0`)
	for i := range 80_000 {
		fmt.Fprintf(&wide, `,"m%d":1`, i+1)
	}
	wide.WriteString("}")
	body := []byte(wide.String())
	allocated := testing.AllocsPerRun(1, func() {
		if got := len(wrongFields(body, reflect.TypeFor[struct{}]())); got != maxWrong {
			t.Errorf("got %d wrong fields, want %d", got, maxWrong)
		}
	})
	if allocated > 1000 {
		t.Errorf("checking 80,000 members made %v allocations, want at most 1000", allocated)
	}
}

func TestCheckSize(t *testing.T) {
	list := func(elements int) string { return "[" + strings.Repeat("1,", elements-1) + "1]" }
	deep := func(levels int) string { return strings.Repeat(`{"a":[`, levels/2) + strings.Repeat("]}", levels/2) }
	for name, tc := range map[string]struct {
		body string
		want fault.Kind
	}{
		"as many elements as allowed":   {list(1000), 0},
		"one more":                      {list(1001), fault.KindTooLarge},
		"members":                       {`{` + strings.Repeat(`"a":1,`, 1000) + `"a":1}`, fault.KindTooLarge},
		"empty objects":                 {`[` + strings.Repeat(`{},`, 600) + `{}]`, fault.KindTooLarge},
		"commas and brackets in a text": {`["` + strings.Repeat(`,[{`, 1000) + `\","` + strings.Repeat(`\",`, 1000) + `"]`, 0},
		"as many levels as allowed":     {deep(32), 0},
		"two more":                      {deep(34), fault.KindMalformed},
		"side by side":                  {`[` + strings.Repeat(`[[]],`, 50) + `1]`, 0},
		"no JSON":                       {strings.Repeat("[", 5000), fault.KindMalformed},
		"an open text":                  {`["\`, 0},
	} {
		err := checkSize([]byte(tc.body))
		if tc.want == 0 && err != nil || tc.want != 0 && !fault.Is(err, tc.want) {
			t.Errorf("%s: got %v, want kind %d", name, err, tc.want)
		}
	}
}
