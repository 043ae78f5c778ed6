package validate

import (
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/width"

	"comanda/services/event"
	"comanda/services/internal/fault"
)

// maxAddressLine is the maximum length of a member in characters.
const maxAddressLine = 200

// Address returns address with its lines in normal form and its country in upper case. Every member is required. For each wrong
// member it returns a fault.Field with the name field + "." + member, such as "address.street".
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
	country, ok := Country(address.Country)
	if !ok {
		wrong = append(wrong, fault.Field{Field: field + ".country", Message: "must be a country's two letters (ISO 3166-1), like ES"})
	}
	normal.Country = country
	return normal, wrong
}

// notCountries are codes that package language takes for countries, but that ISO 3166-1 has withdrawn or only reserves.
const notCountries = "AC AN CP CQ CS DG EA EZ FQ IC NT PC SU TA UN YU"

// Country returns the ISO 3166-1 code of a country in capital letters, and reports whether there is such a country. It accepts UK,
// which is reserved for GB, and XK, the code of Kosovo until it has one.
func Country(code string) (string, bool) {
	code = width.Fold.String(strings.TrimSpace(code))
	if len(code) != 2 { // two bytes, so that they are ASCII: some other letters have an ASCII letter as their capital
		return "", false
	}
	if code = strings.ToUpper(code); code == "UK" {
		code = "GB"
	}
	if strings.Contains(notCountries, code) {
		return "", false
	}
	region, err := language.ParseRegion(code)
	known := err == nil && region.IsCountry() && region.Canonicalize().String() == code
	if !known {
		return "", false
	}
	return code, true
}
