package validate

import (
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/unicode/norm"

	"comanda/services/internal/fault"
)

// Limits of a phone number as typed, in bytes, before and after plainNumber.
const (
	maxTypedNumber = 200
	maxPlainNumber = 40
)

// Phone returns number in E.164 ("+34600111222"), so that equal numbers are equal strings. The number must be in
// international form, beginning with "+" or "00", in the digits of any script; otherwise the error names field.
func Phone(field, number string) (string, error) {
	wrong := fault.Wrong(field, "must be a phone number in international form, like +34 600 111 222")
	if len(number) > maxTypedNumber {
		return "", wrong
	}
	number = plainNumber(number)
	if after, ok := strings.CutPrefix(number, "00"); ok {
		number = "+" + after
	}
	parsed, err := phonenumbers.Parse(number, "")
	if err != nil || len(number) > maxPlainNumber || !phonenumbers.IsPossibleNumber(parsed) {
		return "", wrong
	}
	return phonenumbers.Format(parsed, phonenumbers.E164), nil
}

// plainNumber returns number with ASCII digits, signs and spaces, without invisible characters. Telephones put direction marks
// around the numbers they copy; those say nothing about a number.
func plainNumber(number string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Nd, r):
			return asciiDigit(r)
		case unicode.Is(unicode.Pd, r) || r == '−':
			return '-'
		case isInvisible(r) || unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return plainSpace(r)
	}, norm.NFKC.String(number)))
}

// asciiDigit returns the ASCII form of a decimal digit. The ten digits of a script are in a row, zero first (Unicode 4.6).
func asciiDigit(r rune) rune {
	first := r
	for unicode.Is(unicode.Nd, first-1) {
		first--
	}
	return '0' + (r-first)%10
}
