package validate

import (
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
)

// Password returns password in the form that is hashed and compared, and whether it has one (RFC 8265, 4.2, OpaqueString): NFC,
// every space U+0020, no control or ignorable characters. Case, width and surrounding space stay.
func Password(password string) (prepared string, ok bool) {
	prepared, err := precis.OpaqueString.String(password)
	return prepared, err == nil && utf8.ValidString(password)
}
