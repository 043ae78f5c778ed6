package rest

import (
	"encoding"
	"encoding/json"
	"net/http"

	"comanda/services/internal/fault"
)

// The default and the maximum number of items on a page.
const (
	DefaultLimit = 20
	MaxLimit     = 100
)

// MaxPage bounds the items of a page in bytes of JSON; a larger item has a page of its own. 100 usual orders of 2 KiB fit, and so do
// 6 of the largest. Each part of the system that a page passes holds it whole, so many large ones at the same time would exhaust it.
const MaxPage = 256 << 10

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
// another list or filter are a 400. It waits until the process has the memory for the page (AwaitLargeResponse).
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
	return page, AwaitLargeResponse(r.Context(), MaxPage)
}

// Paged returns a page of items, at most page.Limit of them and no more than fit in MaxPage. More means that further items follow those in
// items; a caller that reads page.Limit+1 items knows from the extra one. Position returns an item's place in the order of the list.
func Paged[T any](page Page, items []T, more bool, position func(T) encoding.BinaryMarshaler) List[json.RawMessage] {
	list, size := List[json.RawMessage]{Items: []json.RawMessage{}}, 0
	for _, item := range items {
		encoded := encode(item)
		size += len(encoded) // with the line break, where the list has a comma
		if n := len(list.Items); n == page.Limit || n > 0 && size > MaxPage {
			more = true
			break
		}
		list.Items = append(list.Items, encoded)
	}
	if n := len(list.Items); more && n > 0 {
		list.NextCursor = page.cursors.encode(page.path, page.filter, position(items[n-1]))
	}
	return list
}
