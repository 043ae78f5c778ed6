package main

import (
	"fmt"
	"strings"

	"comanda/services/event"
	"comanda/services/internal/fault"
	"comanda/services/internal/validate"
)

// The limits of an order.
const (
	maxLines    = 50
	maxQuantity = 100
	maxNotes    = 500 // characters
	maxReason   = 500 // characters

	maxExpected = 1<<53 - 1 // minor units: the largest whole number that every JSON reader keeps exact
)

// Placement is the request body of a new order.
type Placement struct {
	Items           []PlacementLine `json:"items"`
	DeliveryAddress *event.Address  `json:"deliveryAddress"`
	Notes           string          `json:"notes"`

	// The highest total that the customer accepts, in Currency if that is given. The saga rejects an order that costs more.
	// Without these members a request has the same fingerprint as before they existed, because they are omitted.
	ExpectedTotalCents *int64 `json:"expectedTotalCents,omitempty"`
	Currency           string `json:"currency,omitempty"`
}

// PlacementLine is one requested product and its quantity.
type PlacementLine struct {
	ProductID string `json:"productId"`
	Quantity  int    `json:"quantity"`
}

// Check returns every invalid field. It normalises the others, so that equal requests have equal fingerprints however they
// are written.
func (p *Placement) Check() []fault.Field {
	var wrong []fault.Field
	if len(p.Items) < 1 || len(p.Items) > maxLines {
		wrong = append(wrong, wrongField("items", "must have 1 to %d lines", maxLines))
	}
	if len(p.Items) <= maxLines { // otherwise the list of errors would be as long as the request
		wrong = append(wrong, checkItems(p.Items)...)
	}
	if p.DeliveryAddress != nil {
		normal, bad := validate.Address("deliveryAddress", *p.DeliveryAddress)
		p.DeliveryAddress, wrong = &normal, append(wrong, bad...)
	}
	notes, bad := validate.OptionalText("notes", p.Notes, maxNotes)
	p.Notes = notes
	return append(append(wrong, bad...), p.checkExpected()...)
}

// checkExpected returns what is wrong with the expected total and its currency.
func (p *Placement) checkExpected() []fault.Field {
	var wrong []fault.Field
	if p.ExpectedTotalCents != nil && (*p.ExpectedTotalCents < 0 || *p.ExpectedTotalCents > maxExpected) {
		wrong = append(wrong, wrongField("expectedTotalCents", "must be from 0 to %d", int64(maxExpected)))
	}
	switch {
	case p.Currency == "":
	case !validate.IsCurrency(p.Currency):
		wrong = append(wrong, wrongField("currency", "must be a currency code of ISO 4217, such as EUR"))
	case p.ExpectedTotalCents == nil:
		wrong = append(wrong, wrongField("currency", "applies only with expectedTotalCents: send both"))
	}
	return wrong
}

// checkItems returns every invalid field of the lines. It writes the ids in lower case.
func checkItems(items []PlacementLine) []fault.Field {
	var wrong []fault.Field
	first := map[string]int{}
	for i := range items {
		item := &items[i]
		item.ProductID = strings.ToLower(item.ProductID)
		name := fmt.Sprintf("items[%d].productId", i)
		before, seen := first[item.ProductID]
		switch {
		case !validate.IsUUID(item.ProductID):
			wrong = append(wrong, wrongField(name, "must be the id of a product"))
		case seen:
			wrong = append(wrong, wrongField(name, "is the same product as items[%d]: order it in one line", before))
		default:
			first[item.ProductID] = i
		}
		if item.Quantity < 1 || item.Quantity > maxQuantity {
			wrong = append(wrong, wrongField(fmt.Sprintf("items[%d].quantity", i), "must be from 1 to %d", maxQuantity))
		}
	}
	return wrong
}

func wrongField(name, format string, args ...any) fault.Field {
	return fault.Field{Field: name, Message: fmt.Sprintf(format, args...)}
}
