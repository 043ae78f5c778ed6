package rest

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"

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

// Page reads limit and cursor from r's query. The cursor is opaque to clients. Page decodes it into position, the start of
// the page in the caller's terms, and leaves position unchanged without a cursor. A bad limit or cursor is a 400.
func Page(r *http.Request, position any) (limit int, err error) {
	query := r.URL.Query()
	limit = DefaultLimit
	if text := query.Get("limit"); text != "" {
		limit, err = strconv.Atoi(text)
		if err != nil || limit < 1 || limit > MaxLimit {
			return 0, fault.Malformed("limit must be a whole number from 1 to %d", MaxLimit)
		}
	}
	if text := query.Get("cursor"); text != "" {
		raw, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil || json.Unmarshal(raw, position) != nil {
			return 0, fault.Malformed("cursor must be the nextCursor of an earlier answer")
		}
	}
	return limit, nil
}

// Paged returns a page of items. The caller reads limit+1 items, so that the extra one shows whether there is a next page.
// Position returns the start of the next page, given the last item of this one.
func Paged[T any](items []T, limit int, position func(last T) any) List[T] {
	if len(items) <= limit {
		return List[T]{Items: append([]T{}, items...)}
	}
	items = items[:limit]
	raw, err := json.Marshal(position(items[limit-1]))
	if err != nil {
		panic(err)
	}
	return List[T]{Items: items, NextCursor: base64.RawURLEncoding.EncodeToString(raw)}
}
