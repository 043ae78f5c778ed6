package rest

import (
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"comanda/services/internal/fault"
)

// smiley is U+1F600 in UTF-8.
const smiley = "\U0001F600"

func TestBodiesMustBeIJSON(t *testing.T) {
	for body, good := range map[string]bool{
		`"gracias \ud83d"`:                false,
		`"\ude00"`:                        false,
		`"\ude00\ud83d"`:                  false,
		`"\ud83d\ud83d\ude00"`:            false,
		`"\ud83d\n\ude00"`:                false,
		`"\ud83d \ude00"`:                 false,
		`"\uD83D\\ude00"`:                 false,
		`"\ud83d\u0041"`:                  false,
		`{"a":[1,{"b":["x","\uDBFF"]}]}`:  false,
		`{"\udc00":1}`:                    false,
		`{"a":{"\ud83d":1}}`:              false,
		`"\ufffe"`:                        false,
		`"\uFFFF"`:                        false,
		`"\ufdd0"`:                        false,
		`"\ud83f\udffe"`:                  false,
		"\"\uffff\"":                      false,
		"\"\U0010ffff\"":                  false,
		"{\"\ufdef\":1}":                  false,
		`"\ud83d\ude00"`:                  true,
		`"\uD83D\uDE00\ud83d\ude00"`:      true,
		`{"\ud83d\ude00":"\ud83d\ude00"}`: true,
		`"` + smiley + `"`:                true,
		`"\\ud83d"`:                       true,
		`"\\\\ude00"`:                     true,
		`"\\\ud83d"`:                      false,
		`"\ufffd"`:                        true,
		`"\ud7ff\ue000"`:                  true,
		`"\u00e9 é \" \/ \b"`:             true,
		`"\ufdcf\ufdf0\ufffd"`:            true,
		`null`:                            true,
	} {
		request := httptest.NewRequest("POST", "/", strings.NewReader(body))
		request.Header.Set("Content-Type", "application/json")
		_, err := Body(httptest.NewRecorder(), request)
		if (err == nil) != good || err != nil && !fault.Is(err, fault.KindMalformed) {
			t.Errorf("%s: got %v, want accepted %v", body, err, good)
		}
	}
}

// hasForbidden reports whether body has half a surrogate pair or a noncharacter. It uses encoding/json, which replaces half a pair by
// U+FFFD. So the body itself must not contain U+FFFD.
func hasForbidden(t *testing.T, body string) bool {
	t.Helper()
	for decoder := json.NewDecoder(strings.NewReader(body)); ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return false
		}
		if err != nil {
			t.Fatalf("%q: %v", body, err)
		}
		text, _ := token.(string)
		if strings.ContainsFunc(text, func(r rune) bool { return r == utf8.RuneError || isNoncharacter(r) }) {
			return true
		}
	}
}

func TestIJSONAgreesWithTheDecoder(t *testing.T) {
	parts := []string{`\ud83d`, `\ude00`, `\uDBFF`, `\udfff`, `\\`, `\"`, `\n`, `u`, `d83d`, `\u0041`, `\uffff`, `\ufdcf`,
		smiley, "\U0001FFFE", "ñ"}
	random := rand.New(rand.NewPCG(1, 2))
	bad := 0
	for range 20_000 {
		var text strings.Builder
		for range random.IntN(6) {
			text.WriteString(parts[random.IntN(len(parts))])
		}
		body := `{"` + text.String() + `":["` + text.String() + `"]}`
		want := hasForbidden(t, body)
		if err := checkIJSON([]byte(body)); (err != nil) != want {
			t.Fatalf("%s: got %v, want refused %v", body, err, want)
		}
		if want {
			bad++
		}
	}
	if bad < 1000 || bad > 19_000 {
		t.Errorf("%d of 20000 bodies were forbidden: the test has too few of one sort", bad)
	}
}

func FuzzIJSON(f *testing.F) {
	f.Add(`{"a":"\ud83d"}`)
	f.Add(`["\\ud83d","\ud83d\ude00"]`)
	f.Fuzz(func(t *testing.T, body string) {
		replaced := strings.ContainsRune(body, utf8.RuneError) || strings.Contains(strings.ToLower(body), `\ufffd`)
		if !utf8.ValidString(body) || !json.Valid([]byte(body)) || replaced {
			t.Skip() // Body refuses the first two itself; the reference cannot decide the third
		}
		if err := checkIJSON([]byte(body)); (err != nil) != hasForbidden(t, body) {
			t.Fatalf("%q: got %v", body, err)
		}
	})
}
