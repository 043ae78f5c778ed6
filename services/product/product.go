package main

import (
	"fmt"
	"time"

	"comanda/services/internal/fault"
	"comanda/services/internal/validate"
)

// Limits of a product. Lengths are in characters. The limits keep the total of an order, at most 100 lines * maxStock * maxPrice = 10^15,
// below 2^53. Up to there, clients that read JSON numbers as floating point are exact.
const (
	maxName        = 100
	maxDescription = 1000
	maxCategory    = 50
	maxPrice       = 10_000_000 // minor units
	maxStock       = 1_000_000  // pieces, available and reserved together
	maxDelta       = 100_000    // pieces that one request adds or removes
)

// Product is a dish of the menu with its stock, in the form the API returns. Only staff and admins see Reserved and Sold.
type Product struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Description string    `json:"description,omitempty"`
	Category    string    `json:"category"`
	PriceCents  int64     `json:"priceCents"` // minor units of Currency
	Currency    string    `json:"currency"`   // ISO 4217
	Available   int       `json:"available"`
	Reserved    *int      `json:"reserved,omitempty"`
	Sold        *int      `json:"sold,omitempty"`
	Active      bool      `json:"active"`
	Version     int       `json:"version"` // increases when the dish changes, not when its stock does
	CreatedAt   time.Time `json:"createdAt"`
	UpdatedAt   time.Time `json:"updatedAt"`
}

// ForCustomers returns p without the fields that only staff and admins see.
func (p Product) ForCustomers() Product {
	p.Reserved, p.Sold = nil, nil
	return p
}

// Draft is the request body of a new product.
type Draft struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Category    string `json:"category"`
	PriceCents  *int64 `json:"priceCents"`
	Currency    string `json:"currency"`
	Stock       int    `json:"stock"`
}

// Product returns the draft as a product of version 1, or an error that lists the invalid fields. The parameter
// currency is the default.
func (d Draft) Product(id, currency string, now time.Time) (Product, error) {
	if d.Currency != "" {
		currency = d.Currency
	}
	p := Product{
		ID: id, Name: d.Name, Description: d.Description, Category: d.Category,
		Currency: currency, Available: d.Stock, Reserved: new(int), Sold: new(int), Active: true, Version: 1, CreatedAt: now, UpdatedAt: now,
	}
	if d.PriceCents != nil {
		p.PriceCents = *d.PriceCents
	}
	wrong := p.normalize()
	if d.PriceCents == nil {
		wrong = append(wrong, fault.Field{Field: "priceCents", Message: "is missing"})
	}
	if d.Stock < 0 || d.Stock > maxStock {
		wrong = append(wrong, fault.Field{Field: "stock", Message: fmt.Sprintf("must be from 0 to %d", maxStock)})
	}
	if len(wrong) > 0 {
		return Product{}, fault.Invalid(wrong...)
	}
	return p, nil
}

// Patch is the request body of a change. Fields that are nil stay the same.
type Patch struct {
	Name        *string `json:"name"`
	Description *string `json:"description"`
	Category    *string `json:"category"`
	PriceCents  *int64  `json:"priceCents"`
	Currency    *string `json:"currency"`
	Active      *bool   `json:"active"`
}

// Change applies patch and reports whether the product changed. A change increases the version. It fails on invalid fields.
func (p *Product) Change(patch Patch, now time.Time) (changed bool, err error) {
	next := *p
	setIfGiven(&next.Name, patch.Name)
	setIfGiven(&next.Description, patch.Description)
	setIfGiven(&next.Category, patch.Category)
	setIfGiven(&next.PriceCents, patch.PriceCents)
	setIfGiven(&next.Currency, patch.Currency)
	setIfGiven(&next.Active, patch.Active)
	if wrong := next.normalize(); len(wrong) > 0 {
		return false, fault.Invalid(wrong...)
	}
	if next == *p {
		return false, nil
	}
	next.Version++
	next.UpdatedAt = now
	*p = next
	return true, nil
}

func setIfGiven[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// normalize cleans the dish's texts and returns its invalid fields.
func (p *Product) normalize() []fault.Field {
	var wrong, more []fault.Field
	p.Name, wrong = validate.Line("name", p.Name, maxName)
	p.Description, more = validate.OptionalText("description", p.Description, maxDescription)
	wrong = append(wrong, more...)
	p.Category, more = validate.Line("category", p.Category, maxCategory)
	wrong = append(wrong, more...)
	if p.PriceCents < 0 || p.PriceCents > maxPrice {
		wrong = append(wrong, fault.Field{Field: "priceCents", Message: fmt.Sprintf("must be from 0 to %d", maxPrice)})
	}
	if !validate.IsCurrency(p.Currency) {
		wrong = append(wrong, fault.Field{Field: "currency", Message: "must be a currency code of ISO 4217, such as EUR"})
	}
	return wrong
}

// checkDelta returns an error if delta is not a valid change of stock.
func checkDelta(delta int) error {
	if delta == 0 || delta < -maxDelta || delta > maxDelta {
		return fault.Wrong("delta", "must be from -%d to %d, and not 0", maxDelta, maxDelta)
	}
	return nil
}

// Stock counts the pieces of a product: available, reserved for orders, and sold.
type Stock struct {
	Available, Reserved, Sold int
}

// Move adds delta pieces to the available ones, or removes them if delta is negative. It returns Conflict if fewer are available (reserved
// pieces cannot be removed), or if more than maxStock would be available and reserved.
func (s Stock) Move(delta int) (Stock, error) {
	switch {
	case s.Available+delta < 0:
		return s, fault.Conflict("only %d are available: delta %d would go below zero", s.Available, delta)
	case s.Available+s.Reserved+delta > maxStock:
		return s, fault.Conflict("at most %d are allowed: delta %d would go above", maxStock, delta)
	}
	s.Available += delta
	return s, nil
}
