package validate

import (
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/bidi"
	"golang.org/x/text/unicode/norm"
)

// Limits of the marks on one character. UTS 39 (5.4) forbids more than 4 that belong to no script, such as accents: more of them
// cover the lines above and below. Hebrew, Burmese and Tibetan put more of their own on one letter.
const (
	maxAccents = 4
	maxMarks   = 8
)

// dangerIn returns why text, which is in normal form, is refused, or "". The control characters in allowed are not.
func dangerIn(text, allowed string) string {
	for _, r := range text {
		if reason := reasonAgainst(r); reason != "" && !strings.ContainsRune(allowed, r) {
			return fmt.Sprintf("must not have U+%04X, %s", r, reason)
		}
	}
	switch {
	case hasOpenIsolate(text):
		return "must close each isolate (U+2066, U+2067, U+2068) with U+2069 in the same line"
	case hasStackedMarks(text):
		return fmt.Sprintf("must have at most %d accents on one character", maxAccents)
	}
	return ""
}

// reasonAgainst returns what is wrong with r wherever it stands, or "".
func reasonAgainst(r rune) string {
	properties, _ := bidi.LookupRune(r)
	switch properties.Class() {
	case bidi.LRO, bidi.RLO, bidi.LRE, bidi.RLE, bidi.PDF:
		return "which shows text in another order than it is read (use direction marks or isolates)"
	}
	switch {
	case unicode.Is(unicode.Noncharacter_Code_Point, r):
		return "a noncharacter"
	case unicode.Is(unicode.Cc, r): // Postgres cannot store a NUL
		return "a control character"
	case unicode.In(r, unicode.Zl, unicode.Zp):
		return "a line or paragraph separator"
	case unicode.Is(unicode.Co, r):
		return "a private character, which others see as another one"
	case unicode.Is(annotation, r):
		return "an annotation mark"
	}
	return ""
}

// hasOpenIsolate reports whether a line of text opens an isolate without closing it, which would change the order of the text
// that is shown after it, or closes one that is not open (Unicode TR 9, 2.4).
func hasOpenIsolate(text string) bool {
	open := 0
	for _, r := range text {
		switch {
		case r >= 0x2066 && r <= 0x2068:
			open++
		case r == 0x2069:
			open--
		case r == '\n' && open != 0:
			return true
		}
		if open < 0 {
			return true
		}
	}
	return open != 0
}

// hasStackedMarks reports whether a character of text has more marks than are ever read. Composed characters count like their
// parts.
func hasStackedMarks(text string) bool {
	marks, accents := 0, 0
	for _, r := range norm.NFD.String(text) {
		switch {
		case unicode.Is(unicode.Variation_Selector, r) || isJoiner(r): // the next mark is on the same character
		case !unicode.In(r, unicode.Mn, unicode.Me):
			marks, accents = 0, 0
		default:
			marks++
			if unicode.Is(unicode.Inherited, r) {
				accents++
			}
		}
		if accents > maxAccents || marks > maxMarks {
			return true
		}
	}
	return false
}
