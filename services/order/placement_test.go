package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"comanda/services/event"
)

func TestCheckReportsEveryInvalidField(t *testing.T) {
	home := event.Address{Street: "Calle 1", City: "León", PostalCode: "24001", Country: "ES"}
	many := func(n int) (items []PlacementLine) {
		for i := range n {
			items = append(items, PlacementLine{fmt.Sprintf("0f6d1f6e-6a53-4a5e-8f5a-%012d", i), 1})
		}
		return items
	}
	cents := func(n int64) *int64 { return &n }
	for name, tc := range map[string]struct {
		placement Placement
		invalid   []string
	}{
		"valid":                      {Placement{Items: many(1), DeliveryAddress: &home, Notes: "ring\ntwice"}, nil},
		"most lines":                 {Placement{Items: many(50)}, nil},
		"largest quantity and notes": {Placement{Items: []PlacementLine{{soup, 100}}, Notes: strings.Repeat("é", 500)}, nil},
		"empty":                      {Placement{}, []string{"items"}},
		"too many lines":             {Placement{Items: many(51)}, []string{"items"}},
		"quantities out of range": {Placement{Items: []PlacementLine{{soup, 0}, {bread, 101}}},
			[]string{"items[0].quantity", "items[1].quantity"}},
		"invalid ids": {Placement{Items: []PlacementLine{{"", 1}, {"soup", -1}}},
			[]string{"items[0].productId", "items[1].productId", "items[1].quantity"}},
		"other UUID forms": {Placement{Items: []PlacementLine{{"{" + soup + "}", 1},
			{strings.ReplaceAll(bread, "-", ""), 1}}}, []string{"items[0].productId", "items[1].productId"}},
		"same product twice": {Placement{Items: []PlacementLine{{soup, 1}, {bread, 1}, {strings.ToUpper(soup), 1}}},
			[]string{"items[2].productId"}},
		"empty address": {Placement{Items: many(1), DeliveryAddress: &event.Address{}},
			[]string{"deliveryAddress.street", "deliveryAddress.city", "deliveryAddress.postalCode", "deliveryAddress.country"}},
		"notes too long":           {Placement{Items: many(1), Notes: strings.Repeat("é", 501)}, []string{"notes"}},
		"NUL, which jsonb rejects": {Placement{Items: many(1), Notes: "a\x00b"}, []string{"notes"}},
		"several fields": {Placement{DeliveryAddress: &event.Address{Street: "a", City: "b", PostalCode: "c"}, Notes: "\x1b"},
			[]string{"items", "deliveryAddress.country", "notes"}},
		"expected total":           {Placement{Items: many(1), ExpectedTotalCents: new(int64), Currency: "EUR"}, nil},
		"a total without currency": {Placement{Items: many(1), ExpectedTotalCents: cents(maxExpected)}, nil},
		"a total below zero":       {Placement{Items: many(1), ExpectedTotalCents: cents(-1)}, []string{"expectedTotalCents"}},
		"a total beyond 2^53":      {Placement{Items: many(1), ExpectedTotalCents: cents(maxExpected + 1)}, []string{"expectedTotalCents"}},
		"an unknown currency":      {Placement{Items: many(1), ExpectedTotalCents: new(int64), Currency: "eur"}, []string{"currency"}},
		"a currency without total": {Placement{Items: many(1), Currency: "EUR"}, []string{"currency"}},
	} {
		var got []string
		for _, field := range tc.placement.Check() {
			got = append(got, field.Field)
		}
		if !slices.Equal(got, tc.invalid) {
			t.Errorf("%s: got %v, want %v", name, got, tc.invalid)
		}
	}
}

func TestTextsOfAnOrderAreNormalised(t *testing.T) {
	line := []PlacementLine{{soup, 1}}
	typed := Placement{Items: line, Notes: " cafe\u0301\u200b, por favor\u3000", DeliveryAddress: &event.Address{
		Street: "Calle Nu\u0301n\u0303ez\u00ad 1", City: "\ufeffLeo\u0301n", PostalCode: "24001\u00a0", Country: "ｅｓ"}}
	want := Placement{Items: line, Notes: "café, por favor", DeliveryAddress: &event.Address{
		Street: "Calle Núñez 1", City: "León", PostalCode: "24001", Country: "ES"}}
	if wrong := typed.Check(); wrong != nil || typed.Notes != want.Notes || *typed.DeliveryAddress != *want.DeliveryAddress {
		t.Errorf("got %+q at %+q, wrong fields %v", typed.Notes, *typed.DeliveryAddress, wrong)
	}
	for notes, good := range map[string]bool{"\u200b\u3164": true, "שלום\u200f!": true, "👨\u200d👩\u200d👧": true,
		"a\u202eb": false, "a\u2067b": false, "a\ufffeb": false} {
		p := Placement{Items: line, Notes: notes}
		if wrong := p.Check(); (wrong == nil) != good {
			t.Errorf("notes %+q: got %v, want accepted %v", notes, wrong, good)
		}
	}
	for country, good := range map[string]bool{"PT": true, "ZZ": false, "UK": false} {
		p := Placement{Items: line, DeliveryAddress: &event.Address{Street: "a", City: "b", PostalCode: "c", Country: country}}
		if wrong := p.Check(); (wrong == nil) != good {
			t.Errorf("country %s: got %v, want accepted %v", country, wrong, good)
		}
	}
}
