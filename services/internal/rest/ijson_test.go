package rest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"comanda/services/internal/fault"
)

func TestHalfASurrogatePairIsMalformed(t *testing.T) {
	for body, part := range map[string]string{
		`{"notes":"gracias \ud83d"}`:             `at byte 18, \ud83d: send the whole character`,
		`{"notes":"\ude00"}`:                     `\ude00`,
		`{"notes":"\ude00\ud83d"}`:               `\ude00`, // reversed
		`{"notes":"\ud83d\ud83d\ude00"}`:         `at byte 10, \ud83d`,
		`{"notes":"\ud83d \ude00"}`:              `\ud83d`,
		`{"notes":"\ud83d\\ude00"}`:              `\ud83d`, // then an escaped backslash
		`{"notes":"\uD83Dx"}`:                    `\ud83d`,
		`{"notes":"\ud83d\n"}`:                   `\ud83d`,
		`{"notes":"\ud83d\u0041"}`:               `\ud83d`,
		`{"\ud83d":1}`:                           `\ud83d`, // in a name
		`{"a":[[{"b":["\udfff"]}]]}`:             `\udfff`,
		`"\ud800"`:                               `\ud800`,
		`{"notes":"\uffff"}`:                     `U+FFFF at byte 10`,
		`{"notes":"\ufdd0"}`:                     `U+FDD0`,
		"{\"notes\":\"\ufdef\"}":                 `U+FDEF`,
		"{\"notes\":\"\U0001ffff\"}":             `U+1FFFF`,
		`{"notes":"\udbff\udffe"}`:               `U+10FFFE`,
		`{"notes":"\\\\\ud83d"}`:                 `\ud83d`,
		`{"notes":"\ud83d\ude00` + `\"\ud83d"} `: `\ud83d`,
	} {
		_, err := readJSON(body)
		if !fault.Is(err, fault.KindMalformed) || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: got error %v, want malformed with %q", body, err, part)
		}
	}
}

func TestWholeCharactersPass(t *testing.T) {
	for body, want := range map[string]string{
		`"\ud83d\ude00"`:        "😀",
		`"\uD83D\uDE00x"`:       "😀x",
		`"😀"`:                   "😀",
		`"\\ud83d"`:             `\ud83d`, // an escaped backslash and plain letters
		`"\\\\ud83d"`:           `\\ud83d`,
		`"\"\\\/\b\f\n\r\t"`:    "\"\\/\b\f\n\r\t",
		`"\ufffd \ufeff\u00e9"`: "\ufffd \ufeffé",
		`"\udbff\udffd"`:        "\U0010fffd",
		`""`:                    "",
	} {
		got, err := readJSON(body)
		if err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", body, got, err, want)
		}
	}
}

// readJSON reads body, a JSON value, as a request's body.
func readJSON(body string) (any, error) {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	raw, err := Body(httptest.NewRecorder(), r)
	if err != nil {
		return nil, err
	}
	var value any
	return value, json.Unmarshal(raw, &value)
}

var escape = regexp.MustCompile(`^(?:\\u[0-9a-fA-F]{4})+`)

// referenceAccepts decides like checkCharacters, in another way: it decodes each run of \u escapes with unicode/utf16.
func referenceAccepts(body string) bool {
	accepts := true
	for body != "" {
		run := escape.FindString(body)
		var units []uint16
		for i := 2; i < len(run); i += 6 {
			unit, _ := strconv.ParseUint(run[i:i+4], 16, 16)
			units = append(units, uint16(unit))
		}
		chars, length := utf16.Decode(units), len(run)
		if run == "" && body[0] == '\\' {
			length = 2
		} else if run == "" {
			char, size := utf8.DecodeRuneInString(body)
			chars, length = []rune{char}, size
		}
		replaced := strings.Count(string(chars), "\ufffd") - strings.Count(strings.ToLower(body[:length]), `\ufffd`) -
			strings.Count(body[:length], "\ufffd")
		for _, char := range chars {
			accepts = accepts && !(char&0xFFFE == 0xFFFE || char >= 0xFDD0 && char < 0xFDF0)
		}
		accepts = accepts && replaced == 0
		body = body[length:]
	}
	return accepts
}

func FuzzCheckCharacters(f *testing.F) {
	for _, seed := range []string{`\ud83d`, `\ud83d\ude00`, `\\ud83d`, `\ude00\ud83d`, `\ufffd\ufffe`, "\ufdd0", `a\n\udbff\udfff`, `\\\ud83d`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		body := `{"` + text + `":["` + text + `"]}`
		if !utf8.ValidString(body) || !json.Valid([]byte(body)) {
			return
		}
		if err := checkCharacters([]byte(body)); (err == nil) != referenceAccepts(body) {
			t.Errorf("%s: got error %v, the reference accepts it: %v", body, err, err != nil)
		}
	})
}
