package rest

import (
	"encoding"
	"net/http"

	"comanda/services/internal/fault"
)

// The default and the maximum number of items on a page.
const (
	DefaultLimit = 20
	MaxLimit     = 100
)

// List is the response of every list route: one page of items. NextCursor is absent on the last page.
type List[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"nextCursor,omitempty"`
}

// Page is the part of a list that a request asks for.
type Page struct {
	Limit int  // the number of items
	Later bool // the page has a cursor: it is not the first one

	cursors Cursors
	path    string
	filter  any
}

// Page reads limit and cursor from r's query. The filter is everything that selects the list's items; it includes the caller's id if the
// list is the caller's own. A cursor is decoded into position, the end of the previous page. A bad limit, a bad cursor and a cursor of
// another list or filter are a 400.
func (c Cursors) Page(r *http.Request, filter any, position encoding.BinaryUnmarshaler) (Page, error) {
	query := r.URL.Query()
	page := Page{Limit: DefaultLimit, cursors: c, path: r.URL.Path, filter: filter}
	if text := query.Get("limit"); text != "" {
		limit, ok := WholeNumber(text)
		if page.Limit = limit; !ok || limit < 1 || limit > MaxLimit {
			return Page{}, fault.Malformed("limit must be a whole number from 1 to %d", MaxLimit)
		}
	}
	if text := query.Get("cursor"); text != "" {
		page.Later = true
		if err := c.decode(text, page.path, filter, position); err != nil {
			return Page{}, err
		}
	}
	return page, nil
}

// Paged returns a page of items. The caller reads page.Limit+1 items, so that the extra one shows whether there is a next
// page. Position returns an item's place in the order of the list.
func Paged[T any](page Page, items []T, position func(T) encoding.BinaryMarshaler) List[T] {
	if len(items) <= page.Limit {
		return List[T]{Items: append([]T{}, items...)}
	}
	items = items[:page.Limit]
	last := items[page.Limit-1]
	return List[T]{Items: items, NextCursor: page.cursors.encode(page.path, page.filter, position(last))}
}
