package validate_test

import (
	"slices"
	"testing"

	"comanda/services/event"
	"comanda/services/internal/validate"
)

func TestAddressTrimsAndUppercasesTheCountry(t *testing.T) {
	got, wrong := validate.Address("address", event.Address{Street: " Calle 1 ", City: "León", PostalCode: "24001",
		Country: "es"})
	want := event.Address{Street: "Calle 1", City: "León", PostalCode: "24001", Country: "ES"}
	if got != want || wrong != nil {
		t.Fatalf("got %+v, wrong fields %v, want %+v", got, wrong, want)
	}
}

func TestAddressNamesEveryWrongMember(t *testing.T) {
	_, wrong := validate.Address("deliveryAddress", event.Address{Street: "a\x00", Country: "E1"})
	var names []string
	for _, field := range wrong {
		names = append(names, field.Field)
	}
	want := []string{"deliveryAddress.street", "deliveryAddress.city", "deliveryAddress.postalCode", "deliveryAddress.country"}
	if !slices.Equal(names, want) {
		t.Fatalf("got wrong fields %v, want %v", names, want)
	}
}

func TestCountryMustExist(t *testing.T) {
	valid := event.Address{Street: "a", City: "b", PostalCode: "c"}
	for country, want := range map[string]string{"ES": "ES", "es": "ES", " pt\u00a0": "PT", "ＥＳ": "ES", "GB": "GB",
		"TW": "TW", "XK": "XK", "AQ": "AQ",
		"": "", "ZZ": "", "XX": "", "AA": "", "QQ": "", "EU": "", "UK": "", "YU": "", "SU": "", "AN": "", "UN": "", "ESP": "",
		"724": "", "E1": "", "ıt": "", "Е": "", "ЕЅ": ""} {
		valid.Country = country
		got, wrong := validate.Address("address", valid)
		if (wrong == nil) != (want != "") || wrong == nil && got.Country != want {
			t.Errorf("%q: got %q, wrong fields %v, want %q", country, got.Country, wrong, want)
		}
	}
}

func TestAllCountriesOfISO3166Exist(t *testing.T) {
	count := 0
	for first := 'A'; first <= 'Z'; first++ {
		for second := 'A'; second <= 'Z'; second++ {
			if _, wrong := validate.Address("", event.Address{Street: "a", City: "b", PostalCode: "c",
				Country: string([]rune{first, second})}); wrong == nil {
				count++
			}
		}
	}
	if count != 249+1 { // and Kosovo
		t.Errorf("got %d countries, want 250", count)
	}
}
