package validate

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"comanda/services/internal/fault"
)

// maxMarks is the limit of combining marks on one character. Hebrew with vowels and accents needs five, Tibetan seven; text that
// runs over the lines around it has dozens.
const maxMarks = 8

// Line returns value, one line of text, cleaned (see clean, and the table in the package comment). The result must be 1 to maxLength
// characters long, at least one of them visible. Otherwise Line returns the wrong field; nil means that value is valid.
func Line(field, value string, maxLength int) (string, []fault.Field) {
	return checkText(field, value, maxLength, oneLine, required)
}

// Text is like Line, but allows line breaks and tabs.
func Text(field, value string, maxLength int) (string, []fault.Field) {
	return checkText(field, value, maxLength, multiLine, required)
}

// OptionalLine is like Line, but returns an empty string for a value without a visible character.
func OptionalLine(field, value string, maxLength int) (string, []fault.Field) {
	return checkText(field, value, maxLength, oneLine, optional)
}

// OptionalText is like Text, but returns an empty string for a value without a visible character.
func OptionalText(field, value string, maxLength int) (string, []fault.Field) {
	return checkText(field, value, maxLength, multiLine, optional)
}

// The last arguments of checkText.
const (
	oneLine, multiLine = false, true
	optional, required = false, true
)

// checkText does what Line promises, with lines and mustBeGiven as the constants above name them.
func checkText(field, value string, maxLength int, lines, mustBeGiven bool) (string, []fault.Field) {
	value, problem := clean(value, lines)
	switch {
	case problem != "":
	case !strings.ContainsFunc(value, isVisible):
		if value = ""; mustBeGiven {
			problem = "must be given: at least one visible character"
		}
	case utf8.RuneCountInString(value) > maxLength:
		problem = fmt.Sprintf("must be at most %d characters long", maxLength)
	}
	if problem != "" {
		return "", []fault.Field{{Field: field, Message: problem}}
	}
	return value, nil
}

// clean returns text in NFC without invisible characters that have no effect and without space around it, or the problem with it. With
// lines it may have line breaks and tabs.
func clean(text string, lines bool) (cleaned, problem string) {
	if !utf8.ValidString(text) {
		return "", "must be valid UTF-8"
	}
	text = norm.NFC.String(stripInvisible(norm.NFC.String(text))) // again: two characters may compose without the stripped one between them
	text = strings.TrimFunc(text, isBlank)
	return text, problemOf(text, lines)
}

// problemOf returns the reason why text is dangerous, or an empty string.
func problemOf(text string, lines bool) string {
	open := 0 // directional isolates that are not closed yet
	for _, r := range text {
		switch {
		case lines && strings.ContainsRune("\n\r\t", r):
			if r != '\t' && open > 0 { // an isolate ends with its paragraph
				return unclosedIsolate
			}
		case unicode.IsControl(r), r == '\u2028', r == '\u2029':
			return "must not have control characters"
		case r >= '\u202a' && r <= '\u202e':
			return "must not have characters that override the direction of text (U+202A to U+202E): use U+200E or U+200F"
		case isNoncharacter(r):
			return "must not have noncharacters"
		case r >= '\u2066' && r <= '\u2068':
			open++
		case r == '\u2069':
			if open--; open < 0 {
				return unclosedIsolate
			}
		}
	}
	switch {
	case open > 0:
		return unclosedIsolate
	case tallestStack(text) > maxMarks:
		return fmt.Sprintf("must have at most %d combining marks on one character", maxMarks)
	}
	return ""
}

const unclosedIsolate = "must close every directional isolate (U+2066 to U+2068) with U+2069 in its line"

// tallestStack returns the largest number of combining marks in a row, including the marks in precomposed characters.
func tallestStack(text string) int {
	tallest, height := 0, 0
	for _, r := range norm.NFD.String(text) {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me):
			height++
			tallest = max(tallest, height)
		case !unicode.Is(unicode.Cf, r): // a joiner between marks does not start another stack
			height = 0
		}
	}
	return tallest
}

// isNoncharacter reports whether r is one of the 66 code points that are never characters (Unicode, 23.7).
func isNoncharacter(r rune) bool { return r >= 0xFDD0 && r <= 0xFDEF || r&0xFFFE == 0xFFFE }

// isBlank reports whether r is a space of any script. In Braille that is the cell without dots, among hieroglyphs a blank.
func isBlank(r rune) bool {
	const emptyCell, fullBlank, halfBlank = '\u2800', '\U00013441', '\U00013442'
	return unicode.IsSpace(r) || r == emptyCell || r == fullBlank || r == halfBlank
}

// isVisible reports whether r alone leaves a mark. Unassigned and private characters count: fonts show a box at least, and the
// emoji of next year are unassigned today.
func isVisible(r rune) bool {
	return !isBlank(r) && !isIgnorable(r) && !unicode.In(r, unicode.Cc, unicode.M)
}
