package main

import (
	"net/mail"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/idna"

	"comanda/services/internal/validate"
)

// loginForms returns the forms under which the account of the e-mail typed at a login may be stored. The first one identifies the
// account. There is none if typed is not an e-mail address.
func loginForms(typed string) []string {
	var forms []string
	if email, ok := validate.Email(typed); ok {
		forms = storedForms(email)
	}
	if earlier, ok := earlierEmail(typed); ok && !slices.Contains(forms, earlier) {
		forms = append(forms, earlier)
	}
	return forms
}

// storedForms returns the forms under which the account of a checked e-mail may be stored: the e-mail itself and, if it was
// registered before domains were kept in ASCII, with its domain in Unicode.
func storedForms(email string) []string {
	forms := []string{email}
	at := strings.LastIndexByte(email, '@')
	if domain, err := idna.Display.ToUnicode(email[at+1:]); at >= 0 && err == nil && domain != email[at+1:] {
		forms = append(forms, email[:at+1]+domain)
	}
	return forms
}

// earlierEmail returns address in the form of accounts that were registered before validate.Email decided about it: in lower
// case. They still log in, also with an address that would be refused today, such as one with an underscore in its domain.
func earlierEmail(address string) (string, bool) {
	address = strings.ToLower(strings.TrimSpace(address))
	parsed, err := mail.ParseAddress(address)
	odd := func(r rune) bool {
		return unicode.IsControl(r) || unicode.IsSpace(r) || unicode.Is(unicode.Bidi_Control, r)
	}
	if err != nil || parsed.Address != address || len(address) > 254 || strings.ContainsFunc(address, odd) {
		return "", false
	}
	return address, true
}
