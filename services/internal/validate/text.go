package validate

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"comanda/services/internal/fault"
)

// Line returns value, one line of text, with surrounding space trimmed. The result must be 1 to maxLength characters long,
// without control characters (Postgres cannot store a NUL in JSON) and without characters that change the text direction.
// Otherwise Line returns the wrong field; nil means that value is valid.
func Line(field, value string, maxLength int) (string, []fault.Field) {
	return checkText(field, value, maxLength, func(r rune) bool { return unicode.IsControl(r) })
}

// Text is like Line, but allows line breaks and tabs.
func Text(field, value string, maxLength int) (string, []fault.Field) {
	return checkText(field, value, maxLength, func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\n\r\t", r) })
}

func checkText(field, value string, maxLength int, forbidden func(rune) bool) (string, []fault.Field) {
	value = strings.TrimSpace(value)
	wrong := func(format string, args ...any) (string, []fault.Field) {
		return "", []fault.Field{{Field: field, Message: fmt.Sprintf(format, args...)}}
	}
	switch {
	case value == "":
		return wrong("must be given")
	case utf8.RuneCountInString(value) > maxLength:
		return wrong("must be at most %d characters long", maxLength)
	case !utf8.ValidString(value), strings.ContainsFunc(value, forbidden), strings.ContainsFunc(value, isDirectional):
		return wrong("must not have control characters")
	}
	return value, nil
}

// isDirectional reports whether r is a bidirectional control character or a line or paragraph separator. These display text
// in an order other than the stored one (Unicode TR 36, 3.2).
func isDirectional(r rune) bool {
	return unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}
