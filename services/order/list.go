package main

import (
	"encoding"
	"net/http"
	"slices"

	"comanda/services/event"
	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
)

// listOrders returns a page of orders, newest first. Staff see all orders, customers only their own.
func (s *service) listOrders(w http.ResponseWriter, r *http.Request) error {
	f := filter{Status: event.Status(r.URL.Query().Get("status"))}
	if f.Status != "" && !slices.Contains(statuses(), f.Status) {
		return fault.Malformed("status must be one of %v", statuses())
	}
	if caller := callerOf(r); !caller.Staff {
		f.Customer = caller.ID
	}
	return s.writePage(w, r, f)
}

// exportOrders returns a page of the caller's own orders, newest first. Internal: the service user adds it to the person's export.
func (s *service) exportOrders(w http.ResponseWriter, r *http.Request) error {
	return s.writePage(w, r, filter{Customer: callerOf(r).ID})
}

func (s *service) writePage(w http.ResponseWriter, r *http.Request, f filter) error {
	var after position
	page, err := s.cursors.Page(r, f, &after)
	if err != nil {
		return err
	}
	orders, more, err := s.lists.Page(r.Context(), f, after, page.Limit)
	if err != nil {
		return err
	}
	responses := make([]response, 0, len(orders))
	for _, order := range orders {
		responses = append(responses, responseOf(order))
	}
	return rest.Document(w, r, rest.Paged(page, responses, more, func(last response) encoding.BinaryMarshaler {
		return position{At: last.CreatedAt, ID: last.ID}
	}))
}
