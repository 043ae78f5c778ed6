package main

import (
	"encoding"
	"net/http"

	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/token"
	"comanda/services/internal/validate"
)

// maxQuery is the maximum length of a search in characters.
const maxQuery = 100

// listProducts returns a page of the menu, or for staff and admins of the products that were taken off it.
func (s service) listProducts(w http.ResponseWriter, r *http.Request) error {
	want, err := parseListing(r)
	if err != nil {
		return err
	}
	var last position
	page, err := s.cursors.Page(r, want, &last)
	if err != nil {
		return err
	}
	var after *position
	if page.Later {
		after = &last
	}
	found, err := s.store.Menu(r.Context(), want, after, page.Limit+1) // one more shows whether there is a next page
	if err != nil {
		return err
	}
	for i := range found {
		found[i] = visibleProduct(r, found[i])
	}
	return rest.Document(w, r, rest.Paged(page, found, len(found) > page.Limit, func(last Product) encoding.BinaryMarshaler {
		return positionOf(last)
	}))
}

// parseListing reads the parameters that select the products of a list.
func parseListing(r *http.Request) (listing, error) {
	query := r.URL.Query()
	words, wrong := validate.OptionalText("query", query.Get("query"), maxQuery)
	category, more := validate.OptionalLine("category", query.Get("category"), maxCategory)
	if wrong = append(wrong, more...); len(wrong) > 0 {
		return listing{}, fault.Malformed("%s %s", wrong[0].Field, wrong[0].Message)
	}
	active, err := parseActive(r)
	if err != nil {
		return listing{}, err
	}
	return newListing(words, category, active), nil
}

// parseActive reads the parameter active: true, the default, for the menu, false for the products taken off it, all for both
// (nil). Only staff and admins see products that are not on the menu.
func parseActive(r *http.Request) (*bool, error) {
	active := true
	switch r.URL.Query().Get("active") {
	case "", "true":
		return &active, nil
	case "false":
		active = false
		return &active, checkMayListInactive(r)
	case "all":
		return nil, checkMayListInactive(r)
	}
	return nil, fault.Malformed("active must be true, false or all")
}

// checkMayListInactive returns an error unless the caller is staff or an admin.
func checkMayListInactive(r *http.Request) error {
	switch {
	case seesEverything(r):
		return nil
	case token.From(r.Context()).Subject == "":
		return fault.Unauthenticated("products that are not active are listed for staff and admins: send an access token")
	}
	return fault.MissingRole("products that are not active are listed for staff and admins")
}
