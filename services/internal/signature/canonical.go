package signature

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf16"
)

// canonical returns the canonical form of a JSON text (RFC 8785): sorted members, no white space, the shortest strings. Numbers
// must be integers, whose form is the same in every language. Of repeated members the last one counts.
func canonical(text []byte) ([]byte, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is text after the JSON value")
	}
	return appendValue(nil, value)
}

// appendValue appends the canonical form of a decoded value to to.
func appendValue(to []byte, value any) ([]byte, error) {
	switch value := value.(type) {
	case nil:
		return append(to, "null"...), nil
	case bool:
		return fmt.Append(to, value), nil
	case json.Number:
		if !isInteger(value.String()) {
			return nil, fmt.Errorf("the number %.30s must be an integer", value)
		}
		return append(to, value...), nil
	case string:
		return appendString(to, value), nil
	case []any:
		return appendList(to, value)
	case map[string]any:
		return appendObject(to, value)
	}
	return nil, fmt.Errorf("a %T is no JSON value", value)
}

func appendList(to []byte, list []any) ([]byte, error) {
	to = append(to, '[')
	for i, item := range list {
		if i > 0 {
			to = append(to, ',')
		}
		var err error
		if to, err = appendValue(to, item); err != nil {
			return nil, err
		}
	}
	return append(to, ']'), nil
}

func appendObject(to []byte, object map[string]any) ([]byte, error) {
	to = append(to, '{')
	for i, name := range slices.SortedFunc(maps.Keys(object), compareUTF16) {
		if i > 0 {
			to = append(to, ',')
		}
		var err error
		if to, err = appendValue(append(appendString(to, name), ':'), object[name]); err != nil {
			return nil, err
		}
	}
	return append(to, '}'), nil
}

// compareUTF16 orders names by their UTF-16 code units (RFC 8785, 3.2.3). That is the order of the bytes unless a name has a character
// beyond U+FFFF, which takes two code units.
func compareUTF16(a, b string) int {
	if isShort(a) && isShort(b) {
		return strings.Compare(a, b)
	}
	return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
}

// isShort reports whether no character of text takes more than three bytes, and so none is beyond U+FFFF.
func isShort(text string) bool {
	for i := range len(text) {
		if text[i] >= 0xf0 {
			return false
		}
	}
	return true
}

// appendString appends a string in quotes. Most strings need no escapes, so it copies them as a whole.
func appendString(to []byte, text string) []byte {
	to = append(to, '"')
	copied := 0
	for i := range len(text) {
		char := text[i]
		if char >= 0x20 && char != '"' && char != '\\' {
			continue
		}
		to = append(to, text[copied:i]...)
		copied = i + 1
		if short, ok := escapes[char]; ok {
			to = append(to, short...)
		} else {
			to = fmt.Appendf(to, `\u%04x`, char)
		}
	}
	return append(append(to, text[copied:]...), '"')
}

// escapes are the characters with a short escape (RFC 8785, 3.2.2.2).
var escapes = map[byte]string{'"': `\"`, '\\': `\\`, '\b': `\b`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\t': `\t`}

// isInteger reports whether a number has the only form with the same digits in every encoder.
func isInteger(number string) bool {
	digits := strings.TrimPrefix(number, "-")
	if number == "0" {
		return true
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' || i == 0 && digits[i] == '0' {
			return false
		}
	}
	return digits != ""
}
