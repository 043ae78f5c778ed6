package main

import (
	"encoding/json"
	"net/http"

	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
)

// changeRequest is the request body of a change. It knows the product's other fields to say why they cannot be changed.
type changeRequest struct {
	Patch
	ID        json.RawMessage `json:"id"`
	Version   json.RawMessage `json:"version"`
	CreatedAt json.RawMessage `json:"createdAt"`
	UpdatedAt json.RawMessage `json:"updatedAt"`
	Stock     json.RawMessage `json:"stock"`
	Available json.RawMessage `json:"available"`
	Reserved  json.RawMessage `json:"reserved"`
	Sold      json.RawMessage `json:"sold"`
}

// changeProduct changes a product's fields, not its stock.
func (s service) changeProduct(w http.ResponseWriter, r *http.Request) error {
	id, err := productID(r)
	if err != nil {
		return err
	}
	patch, err := decodePatch(w, r)
	if err != nil {
		return err
	}
	p, err := s.store.ChangeProduct(r.Context(), id, patch, fieldsGuard(r))
	if err != nil {
		return err
	}
	return writeProduct(w, r, http.StatusOK, p)
}

// decodePatch decodes the body. A null removes the description; no other field can be removed.
func decodePatch(w http.ResponseWriter, r *http.Request) (Patch, error) {
	var request changeRequest
	members, err := rest.DecodePatch(w, r, &request)
	if err != nil {
		return Patch{}, err
	}
	var wrong []fault.Field
	report := func(message string, fields ...string) {
		for _, field := range fields {
			if members.Has(field) {
				wrong = append(wrong, fault.Field{Field: field, Message: message})
			}
		}
	}
	report("cannot be changed", "id", "version", "createdAt", "updatedAt", "reserved", "sold")
	report("cannot be changed here: POST /products/{id}/stock adds and removes pieces", "stock", "available")
	for _, field := range []string{"name", "category", "priceCents", "currency", "active"} {
		if members.IsNull(field) {
			report("cannot be removed", field)
		}
	}
	if len(wrong) > 0 {
		return Patch{}, fault.Invalid(wrong...)
	}
	if members.IsNull("description") {
		request.Description = new(string)
	}
	return request.Patch, nil
}
