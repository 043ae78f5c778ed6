package main

import (
	"net/mail"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"comanda/services/internal/validate"
)

// loginEmail returns the form of an e-mail address under which its account is stored. That is its canonical form, or, for an address
// that is no longer accepted, the form that older versions stored: such an account keeps its login.
func loginEmail(address string) (email string, ok bool) {
	if email, ok = validate.Email(address); ok {
		return email, true
	}
	email = strings.ToLower(strings.TrimSpace(address))
	parsed, err := mail.ParseAddress(email)
	odd := func(r rune) bool {
		return unicode.IsControl(r) || unicode.IsSpace(r) || unicode.Is(unicode.Bidi_Control, r)
	}
	const longest = 254
	if err != nil || parsed.Address != email || len(email) > longest || strings.ContainsFunc(email, odd) {
		return "", false
	}
	return email, true
}

// storedEmails returns the forms under which an account with this canonical e-mail may be stored. The first is the canonical form. The
// others are forms in which older versions stored it.
func storedEmails(email string) []string {
	local, domain, _ := strings.Cut(email, "@")
	readable, err := idna.ToUnicode(domain)
	if err != nil {
		readable = domain
	}
	readable = local + "@" + readable
	forms := []string{email}
	finalSigma := strings.Replace(email, "σ@", "ς@", 1) // older versions kept a final ς that was typed in lower case
	for _, form := range []string{readable, norm.NFD.String(email), norm.NFD.String(readable), finalSigma} {
		if !slices.Contains(forms, form) {
			forms = append(forms, form)
		}
	}
	return forms
}
