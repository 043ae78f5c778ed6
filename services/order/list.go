package main

import (
	"net/http"
	"slices"

	"comanda/services/event"
	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/validate"
)

// listOrders returns a page of orders, newest first. Staff see all orders, customers only their own.
func (s *service) listOrders(w http.ResponseWriter, r *http.Request) error {
	var after position
	limit, err := rest.Page(r, &after)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	if query.Get("cursor") != "" && (!validate.IsUUID(after.ID) || after.At.IsZero()) {
		return fault.Malformed("cursor must be the nextCursor of an earlier answer")
	}
	f := filter{Status: event.Status(query.Get("status"))}
	if f.Status != "" && !slices.Contains(statuses(), f.Status) {
		return fault.Malformed("status must be one of %v", statuses())
	}
	if caller := callerOf(r); !caller.Staff {
		f.Customer = caller.ID
	}
	orders, err := s.lists.Page(r.Context(), f, after, limit+1)
	if err != nil {
		return err
	}
	responses := make([]response, 0, len(orders))
	for _, order := range orders {
		responses = append(responses, responseOf(order))
	}
	return rest.Document(w, r, rest.Paged(responses, limit, func(last response) any {
		return position{At: last.CreatedAt, ID: last.ID}
	}))
}
