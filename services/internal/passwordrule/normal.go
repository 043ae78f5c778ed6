package passwordrule

import (
	"errors"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
)

// Limits of a password in its normal form, in bytes. bcrypt uses no more than 72 and silently ignores the rest.
const (
	MinLength = 8
	MaxLength = 72
)

// maxTyped is the limit in bytes of a password as typed: NFC makes one character of at most four.
const maxTyped = 4 * MaxLength

var errLength = errors.New("must be 8 to 72 bytes long")

// Normal returns typed in the form in which passwords are hashed and compared: NFC, with every space as U+0020. It fails on
// passwords with control characters, invisible characters and others that RFC 8264 disallows because they cannot be typed
// reliably.
func Normal(typed string) (string, error) {
	if typed == "" || len(typed) > maxTyped {
		return "", errLength
	}
	normal, err := precis.OpaqueString.String(typed)
	if err != nil || !utf8.ValidString(typed) {
		return "", errors.New("must not have control characters, invisible characters or emoji made of several: choose another")
	}
	return normal, nil
}

// Check returns typed in its normal form, or an error that says why no account may have it, to be shown after the word password.
// email and name belong to the same account.
func Check(typed, email, name string) (string, error) {
	normal, err := Normal(typed)
	switch {
	case err != nil:
		return "", err
	case len(normal) < MinLength || len(normal) > MaxLength:
		return "", errLength
	}
	if reason := weakness(normal, email, name); reason != "" {
		return "", errors.New(reason + ": choose another")
	}
	return normal, nil
}
