package main

import "maps"

// menuFields returns the fields of a dish that an admin chooses, as the audit trail holds them.
func menuFields(p Product) map[string]any {
	return map[string]any{"name": p.Name, "description": p.Description, "category": p.Category, "priceCents": p.PriceCents,
		"currency": p.Currency, "active": p.Active, "available": p.Available}
}

// changedFields returns the fields that a change of the dish changed, before and after.
func changedFields(was, is Product) (before, after map[string]any) {
	before, after = menuFields(was), menuFields(is)
	same := func(field string) bool { return menuFields(was)[field] == menuFields(is)[field] }
	maps.DeleteFunc(before, func(field string, _ any) bool { return same(field) })
	maps.DeleteFunc(after, func(field string, _ any) bool { return same(field) })
	return before, after
}

// stockState is the stock before or after a movement by hand, as the audit trail holds it.
type stockState struct {
	Available int `json:"available"`
}
