package rest

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"comanda/services/internal/fault"
)

// checkIJSON returns a 400 if body, valid JSON in UTF-8, has a string or a member name with half a surrogate pair or a
// noncharacter, which I-JSON forbids (RFC 7493, 2.1). encoding/json would replace every half pair by U+FFFD, so that two
// different passwords became one.
func checkIJSON(body []byte) error {
	for i := 0; i < len(body); {
		char, length := nextChar(body[i:])
		switch {
		case utf16.IsSurrogate(char):
			return fault.Malformed("the body has half a surrogate pair, %s, at byte %d: it must have both halves, as in \\ud83d\\ude00",
				body[i:i+length], i)
		case isNoncharacter(char):
			return fault.Malformed("the body has the noncharacter U+%04X at byte %d: it must have only characters (RFC 7493)", char, i)
		}
		i += length
	}
	return nil
}

// nextChar returns the first character of text, a part of valid JSON, and its length in bytes. It returns half a surrogate pair
// as it is, and a backslash for an escape such as \n.
func nextChar(text []byte) (char rune, length int) {
	if text[0] != '\\' {
		return utf8.DecodeRune(text)
	}
	first, isUnit := unitOf(text)
	if !isUnit {
		return '\\', 2
	}
	if second, isUnit := unitOf(text[6:]); isUnit {
		if char := utf16.DecodeRune(first, second); char != utf8.RuneError {
			return char, 12
		}
	}
	return first, 6
}

// unitOf returns the UTF-16 code unit at the start of text, if text starts with an escape such as \u00e9.
func unitOf(text []byte) (unit rune, ok bool) {
	if len(text) < 6 || !bytes.HasPrefix(text, []byte(`\u`)) {
		return 0, false
	}
	value, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return rune(value), err == nil
}

// isNoncharacter reports whether char is one of the 66 code points that are never characters (Unicode, 23.7).
func isNoncharacter(char rune) bool {
	return char >= 0xFDD0 && char <= 0xFDEF || char&0xFFFE == 0xFFFE
}
