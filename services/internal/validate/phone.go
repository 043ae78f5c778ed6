package validate

import (
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/unicode/norm"

	"comanda/services/internal/fault"
)

// phoneCharacters are those of a number as people write it. Letters and semicolons are not among them: they begin an extension, which
// E.164 cannot express, or spell digits.
const phoneCharacters = "+0123456789 ()[].-/"

// Phone returns number in E.164 ("+34600111222"), so that equal numbers are equal strings. The number must be in international form,
// beginning with "+" or "00"; otherwise the error names field. Digits of any script are accepted.
func Phone(field, number string) (string, error) {
	wrong := fault.Wrong(field, "must be a phone number in international form, like +34 600 111 222")
	number, problem := asTyped(number)
	if problem || len(number) > 40 || strings.Trim(number, phoneCharacters) != "" {
		return "", wrong
	}
	if len(number) > 2 && number[:2] == "00" {
		number = "+" + number[2:]
	}
	formatted, ok := inE164(number)
	if again, _ := inE164(formatted); !ok || again != formatted { // not stable: for +46 00..., each call would drop one more trunk zero
		return "", wrong
	}
	return formatted, nil
}

// inE164 reads a number in international form and returns it in E.164. It returns false when no country has such numbers.
func inE164(number string) (string, bool) {
	parsed, err := phonenumbers.Parse(number, "")
	if err != nil || !phonenumbers.IsPossibleNumber(parsed) {
		return "", false
	}
	return phonenumbers.Format(parsed, phonenumbers.E164), true
}

// asTyped returns number as a keyboard for ASCII would type it. A problem is a character that no number has, such as a control. Contact
// lists copy numbers with directional embeddings around them; these show nothing here, so they are dropped like all format characters.
func asTyped(number string) (typed string, problem bool) {
	typed = strings.Map(func(r rune) rune {
		const minus = '\u2212'
		switch {
		case unicode.IsControl(r) && !unicode.IsSpace(r), isNoncharacter(r), r == unicode.ReplacementChar:
			problem = true
		case isIgnorable(r):
			return -1
		case isBlank(r):
			return ' '
		case unicode.Is(unicode.Pd, r), r == minus:
			return '-'
		}
		return asciiDigit(r)
	}, norm.NFKC.String(number))
	return strings.TrimSpace(typed), problem
}

// asciiDigit returns the ASCII form of a decimal digit, and any other character as it is. Unicode encodes the ten digits of a
// script in order from zero (Unicode, 4.6), and no two sets of them overlap.
func asciiDigit(r rune) rune {
	for _, digits := range unicode.Nd.R16 {
		if r := uint32(r); r >= uint32(digits.Lo) && r <= uint32(digits.Hi) {
			return '0' + rune(r-uint32(digits.Lo))%10
		}
	}
	for _, digits := range unicode.Nd.R32 {
		if r := uint32(r); r >= digits.Lo && r <= digits.Hi {
			return '0' + rune(r-digits.Lo)%10
		}
	}
	return r
}
