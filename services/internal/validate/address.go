package validate

import (
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/width"

	"comanda/services/event"
	"comanda/services/internal/fault"
)

// maxAddressLine is the maximum length of each member except the country, in characters.
const maxAddressLine = 200

// Address returns address with its lines as Line returns them and its country in upper case. Every member is required. For
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
	}
	country, _ := clean(address.Country, oneLine)
	if normal.Country = width.Fold.String(country); len(normal.Country) == 2 { // otherwise ı would become I
		normal.Country = strings.ToUpper(normal.Country)
	}
	if !isCountryCode(normal.Country) {
		wrong = append(wrong, fault.Field{Field: field + ".country", Message: "must be a country's two letters (ISO 3166-1), like ES"})
	}
	return normal, wrong
}

// notCountries lists what the language package takes for a country although ISO 3166-1 has withdrawn it (AN, CS, FQ, NT, PC, SU,
// YU) or reserves it for a part of a country or a group (the others).
const notCountries = " AC AN CP CQ CS DG EA EU EZ FQ IC NT PC SU TA UN YU "

// isCountryCode reports whether code is assigned to a country. It accepts XK too, which ISO leaves to its users and which all use for Kosovo.
func isCountryCode(code string) bool {
	if len(code) != 2 || strings.Contains(notCountries, " "+code+" ") {
		return false
	}
	region, err := language.ParseRegion(code)
	return err == nil && region.IsCountry() && region.String() == code && region.Canonicalize() == region
}
