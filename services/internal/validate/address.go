package validate

import (
	"strings"

	"comanda/services/event"
	"comanda/services/internal/fault"
)

// maxAddressLine is the maximum length of a member in characters.
const maxAddressLine = 200

// Address returns address with surrounding space trimmed and its country in upper case. Every member is required. For
// each wrong member it returns a fault.Field with the name field + "." + member, such as "address.street".
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
	if !isCountryCode(normal.Country) {
		wrong = append(wrong, fault.Field{Field: field + ".country", Message: "must be a country's two letters (ISO 3166-1), like ES"})
	}
	return normal, wrong
}

func isCountryCode(code string) bool {
	return len(code) == 2 && strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}
