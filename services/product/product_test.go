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

func validDraft() Draft {
	return Draft{Name: " Osso Buco ", Category: "Mains", PriceCents: ptr(int64(2390)), Stock: 10}
}

func TestADraftBecomesAProduct(t *testing.T) {
	p, err := validDraft().Product("id", "EUR", noon)
	if err != nil {
		t.Fatal(err)
	}
	if p.Name != "Osso Buco" || p.Currency != "EUR" || p.Available != 10 || !p.Active || p.Version != 1 || !p.CreatedAt.Equal(noon) {
		t.Errorf("got %+v", p)
	}
}

// wrongFields lists the fields that err names, in their order.
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

func TestDraftsAreChecked(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(*Draft)
		want  []string
	}{
		"nothing wrong":        {func(*Draft) {}, nil},
		"free":                 {func(d *Draft) { d.PriceCents = ptr(int64(0)) }, nil},
		"description of lines": {func(d *Draft) { d.Description = "one\ntwo" }, nil},
		"all at once": {func(d *Draft) { *d = Draft{Currency: "euro", Stock: -1} },
			[]string{"name", "category", "currency", "priceCents", "stock"}},
		"blank name":            {func(d *Draft) { d.Name = "  " }, []string{"name"}},
		"NUL":                   {func(d *Draft) { d.Description = "a\x00b" }, []string{"description"}},
		"long name":             {func(d *Draft) { d.Name = strings.Repeat("é", maxName+1) }, []string{"name"}},
		"longest name":          {func(d *Draft) { d.Name = strings.Repeat("é", maxName) }, nil},
		"long description":      {func(d *Draft) { d.Description = strings.Repeat("x", maxDescription+1) }, []string{"description"}},
		"long category":         {func(d *Draft) { d.Category = strings.Repeat("x", maxCategory+1) }, []string{"category"}},
		"negative price":        {func(d *Draft) { d.PriceCents = ptr(int64(-1)) }, []string{"priceCents"}},
		"price beyond":          {func(d *Draft) { d.PriceCents = ptr(int64(maxPrice + 1)) }, []string{"priceCents"}},
		"stock beyond":          {func(d *Draft) { d.Stock = maxStock + 1 }, []string{"stock"}},
		"small letters":         {func(d *Draft) { d.Currency = "eur" }, []string{"currency"}},
		"no such currency":      {func(d *Draft) { d.Currency = "XXX" }, []string{"currency"}},
		"a piece of two":        {func(d *Draft) { d.Currency = "R U" }, []string{"currency"}},
		"another good currency": {func(d *Draft) { d.Currency = "CHF" }, nil},
	} {
		draft := validDraft()
		tc.spoil(&draft)
		if _, err := draft.Product("id", "EUR", noon); !slices.Equal(wrongFields(err), tc.want) {
			t.Errorf("%s: got %v, want %v", name, wrongFields(err), tc.want)
		}
	}
}

func TestAPatchChangesWhatItNames(t *testing.T) {
	p, _ := validDraft().Product("id", "EUR", noon)
	later := noon.Add(time.Hour)
	changed, err := p.Change(Patch{PriceCents: ptr(int64(2500)), Active: ptr(false)}, later)
	if err != nil || !changed || p.PriceCents != 2500 || p.Active || p.Name != "Osso Buco" || p.Version != 2 || !p.UpdatedAt.Equal(later) {
		t.Errorf("got %v, %v, %+v", changed, err, p)
	}
	if changed, err = p.Change(Patch{PriceCents: ptr(int64(2500)), Name: ptr("Osso Buco ")}, later.Add(time.Hour)); changed || err != nil || p.Version != 2 {
		t.Errorf("the same again: got %v, %v, version %d", changed, err, p.Version)
	}
	before := p
	if _, err = p.Change(Patch{Name: ptr(""), PriceCents: ptr(int64(1))}, later); !slices.Equal(wrongFields(err), []string{"name"}) || p != before {
		t.Errorf("got %v, %+v", err, p)
	}
}

func TestStockMoves(t *testing.T) {
	for name, tc := range map[string]struct {
		stock Stock
		delta int
		want  int
		good  bool
	}{
		"in":                       {Stock{3, 2, 9}, 4, 7, true},
		"out":                      {Stock{3, 2, 9}, -3, 0, true},
		"what is promised stays":   {Stock{3, 2, 9}, -4, 3, false},
		"up to the most there be":  {Stock{maxStock - 3, 2, 9}, 1, maxStock - 2, true},
		"beyond, promised counted": {Stock{maxStock - 3, 2, 9}, 2, maxStock - 3, false},
	} {
		got, err := tc.stock.Move(tc.delta)
		if got.Available != tc.want || (err == nil) != tc.good || got.Reserved != 2 || got.Sold != 9 {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
		if err != nil && !fault.Is(err, fault.KindConflict) {
			t.Errorf("%s: got %v, want a conflict", name, err)
		}
	}
	for delta, good := range map[int]bool{1: true, -1: true, maxDelta: true, 0: false, maxDelta + 1: false, -maxDelta - 1: false} {
		if err := checkDelta(delta); (err == nil) != good {
			t.Errorf("delta %d: got %v", delta, err)
		}
	}
}
