package rest

import (
	"strconv"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"comanda/services/internal/fault"
)

// checkCharacters returns an error if a string or a member's name in body, which is valid JSON in UTF-8, has half of a surrogate
// pair or a noncharacter (RFC 7493, 2.1: I-JSON). encoding/json replaces half a pair with U+FFFD, so that different texts, such
// as two passwords, would become equal.
func checkCharacters(body []byte) error {
	for at := 0; at < len(body); {
		char, size := decodeCharacter(body[at:])
		switch {
		case utf16.IsSurrogate(char):
			return fault.Malformed("the body has half of a surrogate pair at byte %d, \\u%04x: send the whole character, "+
				"as UTF-8 or as both halves, like \\ud83d\\ude00", at, char)
		case unicode.Is(unicode.Noncharacter_Code_Point, char):
			return fault.Malformed("the body has U+%04X at byte %d, which is not a character: send the text without it", char, at)
		}
		at += size
	}
	return nil
}

// decodeCharacter returns the first character of valid JSON, and the length of its encoding: an escape, two escapes for a
// surrogate pair, or UTF-8. The result is a surrogate only if the other half does not follow. The length of an escape that is not
// a \u is 2, so that an escaped backslash does not begin another escape.
func decodeCharacter(text []byte) (char rune, size int) {
	if text[0] != '\\' {
		return utf8.DecodeRune(text)
	}
	char, ok := unicodeEscape(text)
	if !ok {
		return rune(text[0]), 2
	}
	if low, ok := unicodeEscape(text[6:]); ok {
		if whole := utf16.DecodeRune(char, low); whole != utf8.RuneError {
			return whole, 12
		}
	}
	return char, 6
}

// unicodeEscape reads \uXXXX at the beginning of text.
func unicodeEscape(text []byte) (rune, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return rune(unit), err == nil
}
