package main

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"comanda/services/internal/fault"
)

func ptr[T any](v T) *T { return &v }

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// validDraft returns a draft without invalid fields.
func validDraft() Draft {
	return Draft{Name: " Osso Buco ", Category: "Mains", PriceCents: ptr(int64(2390)), Stock: 10}
}

func TestDraftBecomesAProduct(t *testing.T) {
	p, err := validDraft().Product("id", "EUR", noon)
	if err != nil {
		t.Fatal(err)
	}
	if p.Name != "Osso Buco" || p.Currency != "EUR" || p.Available != 10 || !p.Active || p.Version != 1 || !p.CreatedAt.Equal(noon) {
		t.Errorf("got %+v, want 10 pieces of Osso Buco in EUR, version 1", p)
	}
}

// wrongFields returns the names of the invalid fields in err.
func wrongFields(err error) []string {
	var f *fault.Error
	if !errors.As(err, &f) {
		return nil
	}
	var names []string
	for _, field := range f.Fields {
		names = append(names, field.Field)
	}
	return names
}

func TestDraftReportsInvalidFields(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(*Draft)
		want  []string
	}{
		"valid":                  {func(*Draft) {}, nil},
		"price of zero":          {func(d *Draft) { d.PriceCents = ptr(int64(0)) }, nil},
		"multi-line description": {func(d *Draft) { d.Description = "one\ntwo" }, nil},
		"every field": {func(d *Draft) { *d = Draft{Currency: "euro", Stock: -1} },
			[]string{"name", "category", "currency", "priceCents", "stock"}},
		"blank name":              {func(d *Draft) { d.Name = "  " }, []string{"name"}},
		"NUL":                     {func(d *Draft) { d.Description = "a\x00b" }, []string{"description"}},
		"long name":               {func(d *Draft) { d.Name = strings.Repeat("é", maxName+1) }, []string{"name"}},
		"longest name":            {func(d *Draft) { d.Name = strings.Repeat("é", maxName) }, nil},
		"long description":        {func(d *Draft) { d.Description = strings.Repeat("x", maxDescription+1) }, []string{"description"}},
		"long category":           {func(d *Draft) { d.Category = strings.Repeat("x", maxCategory+1) }, []string{"category"}},
		"negative price":          {func(d *Draft) { d.PriceCents = ptr(int64(-1)) }, []string{"priceCents"}},
		"price too high":          {func(d *Draft) { d.PriceCents = ptr(int64(maxPrice + 1)) }, []string{"priceCents"}},
		"stock too high":          {func(d *Draft) { d.Stock = maxStock + 1 }, []string{"stock"}},
		"lower-case currency":     {func(d *Draft) { d.Currency = "eur" }, []string{"currency"}},
		"unknown currency":        {func(d *Draft) { d.Currency = "XXX" }, []string{"currency"}},
		"parts of two currencies": {func(d *Draft) { d.Currency = "R U" }, []string{"currency"}},
		"another valid currency":  {func(d *Draft) { d.Currency = "CHF" }, nil},
	} {
		draft := validDraft()
		tc.spoil(&draft)
		if _, err := draft.Product("id", "EUR", noon); !slices.Equal(wrongFields(err), tc.want) {
			t.Errorf("%s: got %v, want %v", name, wrongFields(err), tc.want)
		}
	}
}

func TestPatchChangesOnlyItsFields(t *testing.T) {
	p, _ := validDraft().Product("id", "EUR", noon)
	later := noon.Add(time.Hour)
	changed, err := p.Change(Patch{PriceCents: ptr(int64(2500)), Active: ptr(false)}, later)
	if err != nil || !changed || p.PriceCents != 2500 || p.Active || p.Name != "Osso Buco" || p.Version != 2 ||
		!p.UpdatedAt.Equal(later) {
		t.Errorf("got changed %v, %v, %+v, want the new price, inactive, version 2", changed, err, p)
	}
	if changed, err = p.Change(Patch{PriceCents: ptr(int64(2500)), Name: ptr("Osso Buco ")}, later.Add(time.Hour)); err != nil ||
		changed || p.Version != 2 {
		t.Errorf("repeated patch: got changed %v, %v, version %d, want no change", changed, err, p.Version)
	}
	before := p
	if _, err = p.Change(Patch{Name: ptr(""), PriceCents: ptr(int64(1))}, later); p != before ||
		!slices.Equal(wrongFields(err), []string{"name"}) {
		t.Errorf("invalid name: got %v, %+v, want an error for name and no change", err, p)
	}
}

func TestStockMoveKeepsReservedPiecesAndTheMaximum(t *testing.T) {
	for name, tc := range map[string]struct {
		stock Stock
		delta int
		want  int
		valid bool
	}{
		"add":                                    {Stock{3, 2, 9}, 4, 7, true},
		"remove":                                 {Stock{3, 2, 9}, -3, 0, true},
		"reserved pieces stay":                   {Stock{3, 2, 9}, -4, 3, false},
		"up to the maximum":                      {Stock{maxStock - 3, 2, 9}, 1, maxStock - 2, true},
		"above the maximum with reserved pieces": {Stock{maxStock - 3, 2, 9}, 2, maxStock - 3, false},
	} {
		got, err := tc.stock.Move(tc.delta)
		if got.Available != tc.want || (err == nil) != tc.valid || got.Reserved != 2 || got.Sold != 9 {
			t.Errorf("%s: got %+v, %v, want %d available", name, got, err, tc.want)
		}
		if err != nil && !fault.Is(err, fault.KindConflict) {
			t.Errorf("%s: got %v, want a conflict", name, err)
		}
	}
	for delta, valid := range map[int]bool{1: true, -1: true, maxDelta: true, 0: false, maxDelta + 1: false, -maxDelta - 1: false} {
		if err := checkDelta(delta); (err == nil) != valid {
			t.Errorf("delta %d: got %v, want valid: %t", delta, err, valid)
		}
	}
}
