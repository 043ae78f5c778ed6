package main

import (
	"comanda/services/event"
	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/validate"
)

// Limits of a registration. Passwords have at most 72 bytes: earlier versions hashed them with bcrypt, which silently ignores the rest.
const (
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
func (r Registration) Check() (Registration, error) { return r.check(checkPassword) }

// check is Check with another rule for the password: it returns the prepared password, or its problem.
func (r Registration) check(passwordRule func(password, email, name string) (prepared, problem string)) (Registration, error) {
	var wrong []fault.Field
	email, ok := validate.Email(r.Email)
	if r.Email = email; !ok {
		wrong = append(wrong, fault.Field{Field: "email", Message: "must be an e-mail address, like ana@example.com"})
	}
	name, badName := validate.Line("name", r.Name, maxName)
	r.Name = name
	password, problem := passwordRule(r.Password, r.Email, r.Name)
	if r.Password = password; problem != "" {
		wrong = append(wrong, fault.Field{Field: "password", Message: problem})
	}
	wrong = append(wrong, badName...)
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
	return rest.Fingerprint(r)
}

func (r Registration) phone() string {
	if r.Phone == nil {
		return ""
	}
	return *r.Phone
}
