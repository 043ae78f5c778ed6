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
