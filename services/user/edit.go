package main

import (
	"time"

	"comanda/services/event"
	"comanda/services/internal/fault"
	"comanda/services/internal/validate"
)

// maxName is the maximum length of a name in characters.
const maxName = 200

// Edit is a partial change of a profile: absent members stay as they are, null removes a member. A name cannot be removed.
type Edit struct {
	Name    optional[string]
	Phone   optional[string]
	Address optional[event.Address]
}

// optional distinguishes the three states of a member of a partial change: absent, null, or a value.
type optional[T any] struct {
	given bool
	value *T
}

// Check validates the edit and returns it normalised. One Invalid names every wrong field.
func (e Edit) Check() (Edit, error) {
	var wrong []fault.Field
	if e.Name.given && e.Name.value == nil {
		wrong = append(wrong, fault.Field{Field: "name", Message: "cannot be removed"})
	}
	if e.Name.value != nil {
		name, bad := validate.Line("name", *e.Name.value, maxName)
		e.Name.value, wrong = &name, append(wrong, bad...)
	}
	if e.Phone.value != nil {
		number, err := validate.Phone("phone", *e.Phone.value)
		if err != nil {
			wrong = append(wrong, fault.From(err).Fields...)
		}
		e.Phone.value = &number
	}
	if e.Address.value != nil {
		place, bad := validate.Address("address", *e.Address.value)
		e.Address.value, wrong = &place, append(wrong, bad...)
	}
	if len(wrong) > 0 {
		return e, fault.Invalid(wrong...)
	}
	return e, nil
}

// Apply applies an edit that Check has validated. A change of the phone number ends its verification. Apply reports whether anything
// changed.
func (p *Profile) Apply(e Edit, now time.Time) bool {
	before := *p
	if e.Name.given {
		p.Name = *e.Name.value
	}
	if e.Phone.given {
		p.Phone = ""
		if e.Phone.value != nil {
			p.Phone = *e.Phone.value
		}
	}
	if p.Phone != before.Phone {
		p.PhoneVerifiedAt = nil
	}
	if e.Address.given {
		p.Address = e.Address.value
	}
	if before.Name == p.Name && before.Phone == p.Phone && sameAddress(before.Address, p.Address) {
		*p = before
		return false
	}
	p.Version, p.UpdatedAt = p.Version+1, now
	return true
}

func sameAddress(a, b *event.Address) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
