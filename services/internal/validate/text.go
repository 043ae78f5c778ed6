// Package text checks what people write: names, notes, reasons. What passes can be stored, shown and searched without harm.
package validate

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"comanda/services/internal/fault"
)

// Line returns value, one line of text, without the space around it. It has to be 1 to longest characters long, without
// control characters (Postgres cannot keep a NUL in JSON) and without those that turn the direction of what follows. What is
// wrong is returned as the wrong field; nil means it is good.
func Line(field, value string, longest int) (string, []fault.Field) {
	return check(field, value, longest, func(r rune) bool { return unicode.IsControl(r) })
}

// Text is Line for text that may have line breaks and tabs.
func Text(field, value string, longest int) (string, []fault.Field) {
	return check(field, value, longest, func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\n\r\t", r) })
}

func check(field, value string, longest int, forbidden func(rune) bool) (string, []fault.Field) {
	value = strings.TrimSpace(value)
	wrong := func(format string, args ...any) (string, []fault.Field) {
		return "", []fault.Field{{Field: field, Message: fmt.Sprintf(format, args...)}}
	}
	switch {
	case value == "":
		return wrong("has to be given")
	case utf8.RuneCountInString(value) > longest:
		return wrong("has to be at most %d characters long", longest)
	case !utf8.ValidString(value), strings.ContainsFunc(value, forbidden), strings.ContainsFunc(value, turns):
		return wrong("must not have control characters")
	}
	return value, nil
}

// turns recognises the characters that make text read other than it is (Unicode TR 36, 3.2).
func turns(r rune) bool { return unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' }
