package main

import (
	"net/mail"
	"strings"
	"unicode"

	"comanda/services/event"
	"comanda/services/internal/fault"
	"comanda/services/internal/idempotency"
	"comanda/services/internal/validate"
)

// Limits of a registration. Passwords are measured in bytes, because bcrypt uses no more than 72 and silently ignores the rest.
const (
	maxEmail    = 254 // bytes (RFC 5321, 4.5.3.1.3)
	maxName     = 200
	minPassword = 8
	maxPassword = 72
)

// Registration is the body of a request for an account.
type Registration struct {
	Email    string         `json:"email"`
	Password string         `json:"password"`
	Name     string         `json:"name"`
	Phone    *string        `json:"phone"`
	Address  *event.Address `json:"address"`
}

// Check validates the registration and returns it normalised. One Invalid names every wrong field.
func (r Registration) Check() (Registration, error) {
	var wrong, bad []fault.Field
	email, ok := normaliseEmail(r.Email)
	if r.Email = email; !ok {
		wrong = append(wrong, fault.Field{Field: "email", Message: "must be an e-mail address, like ana@example.com"})
	}
	if len(r.Password) < minPassword || len(r.Password) > maxPassword {
		wrong = append(wrong, fault.Field{Field: "password", Message: "must be 8 to 72 bytes long"})
	}
	r.Name, bad = validate.Line("name", r.Name, maxName)
	wrong = append(wrong, bad...)
	if r.Phone != nil {
		number, err := validate.Phone("phone", *r.Phone)
		if err != nil {
			wrong = append(wrong, fault.From(err).Fields...)
		}
		r.Phone = &number
	}
	if r.Address != nil {
		place, bad := validate.Address("address", *r.Address)
		r.Address, wrong = &place, append(wrong, bad...)
	}
	if len(wrong) > 0 {
		return Registration{}, fault.Invalid(wrong...)
	}
	return r, nil
}

// fingerprint identifies the registration without its password, which only its slow hash may identify.
func (r Registration) fingerprint() string {
	r.Password = ""
	return idempotency.Fingerprint(r)
}

func (r Registration) phone() string {
	if r.Phone == nil {
		return ""
	}
	return *r.Phone
}

// normaliseEmail returns address in lower case, without surrounding space, and reports whether it is a bare e-mail address
// (RFC 5322's addr-spec), without a name or comments.
func normaliseEmail(address string) (string, bool) {
	address = strings.ToLower(strings.TrimSpace(address))
	parsed, err := mail.ParseAddress(address)
	odd := func(r rune) bool {
		return unicode.IsControl(r) || unicode.IsSpace(r) || unicode.Is(unicode.Bidi_Control, r)
	}
	if err != nil || parsed.Address != address || len(address) > maxEmail || strings.ContainsFunc(address, odd) {
		return "", false
	}
	return address, true
}
