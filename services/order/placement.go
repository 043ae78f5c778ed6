package main

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"comanda/services/event"
	"comanda/services/internal/fault"
)

// The limits of an order.
const (
	maxLines    = 50
	maxQuantity = 100
	maxNotes    = 500 // characters, as all of the following
	maxReason   = 500
	maxAddress  = 200 // each line of it
)

// Placement is what a customer asks for.
type Placement struct {
	Items           []Wanted       `json:"items"`
	DeliveryAddress *event.Address `json:"deliveryAddress"`
	Notes           string         `json:"notes"`
}

// Wanted is one product and how many of it.
type Wanted struct {
	ProductID string `json:"productId"`
	Quantity  int    `json:"quantity"`
}

// Check returns every field that is wrong. It writes ids in lower case, so that the same product is the same everywhere.
func (p *Placement) Check() []fault.Field {
	var wrong []fault.Field
	if len(p.Items) < 1 || len(p.Items) > maxLines {
		wrong = append(wrong, field("items", "has to have 1 to %d lines", maxLines))
	}
	if len(p.Items) <= maxLines { // or the answer would be as long as the mistake
		wrong = append(wrong, checkItems(p.Items)...)
	}
	if a := p.DeliveryAddress; a != nil {
		wrong = append(wrong, needed("deliveryAddress.street", a.Street, maxAddress)...)
		wrong = append(wrong, needed("deliveryAddress.city", a.City, maxAddress)...)
		wrong = append(wrong, needed("deliveryAddress.postalCode", a.PostalCode, maxAddress)...)
		wrong = append(wrong, needed("deliveryAddress.country", a.Country, maxAddress)...)
	}
	return append(wrong, text("notes", p.Notes, maxNotes)...)
}

func checkItems(items []Wanted) []fault.Field {
	var wrong []fault.Field
	first := map[string]int{}
	for i := range items {
		item := &items[i]
		item.ProductID = strings.ToLower(item.ProductID)
		name := fmt.Sprintf("items[%d].productId", i)
		before, seen := first[item.ProductID]
		switch {
		case !isID(item.ProductID):
			wrong = append(wrong, field(name, "has to be the id of a product"))
		case seen:
			wrong = append(wrong, field(name, "is the same product as items[%d]: order it in one line", before))
		default:
			first[item.ProductID] = i
		}
		if item.Quantity < 1 || item.Quantity > maxQuantity {
			wrong = append(wrong, field(fmt.Sprintf("items[%d].quantity", i), "has to be from 1 to %d", maxQuantity))
		}
	}
	return wrong
}

// isID says whether text is a UUID as we write it; the parser alone takes other spellings of it, too.
func isID(text string) bool { return len(text) == 36 && uuid.Validate(text) == nil }

func needed(name, value string, most int) []fault.Field {
	if strings.TrimSpace(value) == "" {
		return []fault.Field{field(name, "is missing")}
	}
	return text(name, value, most)
}

// text checks a text that may be empty. Control characters are refused: they mean nothing here, and jsonb cannot hold NUL
// (https://www.postgresql.org/docs/current/datatype-json.html), so that such a document could not be indexed.
func text(name, value string, most int) []fault.Field {
	control := func(c rune) bool { return unicode.IsControl(c) && c != '\n' && c != '\r' && c != '\t' }
	switch {
	case utf8.RuneCountInString(value) > most:
		return []fault.Field{field(name, "has to be at most %d characters long", most)}
	case strings.ContainsFunc(value, control):
		return []fault.Field{field(name, "must not have control characters")}
	}
	return nil
}

func field(name, format string, args ...any) fault.Field {
	return fault.Field{Field: name, Message: fmt.Sprintf(format, args...)}
}
