// Package address checks postal addresses: where somebody lives, or where an order goes.
package validate

import (
	"strings"

	"comanda/services/event"
	"comanda/services/internal/fault"
)

// maxAddressLine is the most characters a member may have.
const maxAddressLine = 200

// Address returns address without needless space and with its country in upper case. Every member has to be given; what is
// wrong is returned field by field, under field ("address.street").
func Address(field string, address event.Address) (event.Address, []fault.Field) {
	var wrong []fault.Field
	line := func(name, value string) string {
		value, bad := Line(field+"."+name, value, maxAddressLine)
		wrong = append(wrong, bad...)
		return value
	}
	normal := event.Address{
		Street:     line("street", address.Street),
		City:       line("city", address.City),
		PostalCode: line("postalCode", address.PostalCode),
		Country:    strings.ToUpper(strings.TrimSpace(address.Country)),
	}
	if !country(normal.Country) {
		wrong = append(wrong, fault.Field{Field: field + ".country", Message: "has to be a country's two letters (ISO 3166-1), like ES"})
	}
	return normal, wrong
}

func country(code string) bool {
	return len(code) == 2 && strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}
