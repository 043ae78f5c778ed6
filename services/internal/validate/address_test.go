package validate_test

import (
	"slices"
	"testing"

	"comanda/services/event"
	"comanda/services/internal/validate"
)

func TestAddressTrimsAndUppercasesTheCountry(t *testing.T) {
	got, wrong := validate.Address("address", event.Address{Street: " Calle 1 ", City: "León", PostalCode: "24001", Country: "es"})
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

func TestCountry(t *testing.T) {
	for code, want := range map[string]string{
		"ES": "ES", "es": "ES", " pt ": "PT", "ＥＳ": "ES", "\u00a0ES": "ES", "UK": "GB", "XK": "XK", "AQ": "AQ", "CS": "",
		"DD": "", "BU": "", "SU": "",
		"": "", "E": "", "ESP": "", "E1": "", "XX": "", "ZZ": "", "AA": "", "QO": "", "EU": "", "UN": "", "AN": "", "IC": "",
		"Е\u0405": "", "\u0131s": "", "724": "",
	} {
		if got, ok := validate.Country(code); got != want || ok != (want != "") {
			t.Errorf("%q: got %q, %v, want %q", code, got, ok, want)
		}
	}
	count := 0
	for first := 'A'; first <= 'Z'; first++ {
		for second := 'A'; second <= 'Z'; second++ {
			if code, ok := validate.Country(string([]rune{first, second})); ok && code[0] == byte(first) && code[1] == byte(second) {
				count++
			}
		}
	}
	if count != 250 { // ISO 3166-1 has 249
		t.Errorf("got %d countries, want 249 and XK", count)
	}
}

func TestAddressLinesAreNormalised(t *testing.T) {
	got, wrong := validate.Address("address", event.Address{Street: "C.\u00a0Mayor\u200b 1", City: "Leo\u0301n", PostalCode: "１２\u300034", Country: "ｅｓ"})
	want := event.Address{Street: "C. Mayor 1", City: "León", PostalCode: "１２ 34", Country: "ES"}
	if got != want || wrong != nil {
		t.Fatalf("got %+v, wrong fields %v, want %+v", got, wrong, want)
	}
}
