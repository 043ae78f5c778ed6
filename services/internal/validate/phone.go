package validate

import (
	"github.com/nyaruka/phonenumbers"

	"comanda/services/internal/fault"
)

// Phone returns number in E.164 ("+34600111222"), so that equal numbers are equal strings. The number must be in
// international form, beginning with "+" or "00"; otherwise the error names field.
func Phone(field, number string) (string, error) {
	if len(number) > 2 && number[:2] == "00" {
		number = "+" + number[2:]
	}
	parsed, err := phonenumbers.Parse(number, "")
	if err != nil || len(number) > 40 || !phonenumbers.IsPossibleNumber(parsed) {
		return "", fault.Wrong(field, "must be a phone number in international form, like +34 600 111 222")
	}
	return phonenumbers.Format(parsed, phonenumbers.E164), nil
}
