package rest

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"

	"comanda/services/internal/fault"
)

// The sizes of a page: what a client gets when it does not say, and the most it may ask for.
const (
	DefaultLimit = 20
	MaxLimit     = 100
)

// List is a page of items as every list route answers it. NextCursor is left out on the last page.
type List[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"nextCursor,omitempty"`
}

// Page reads limit and cursor from r's query. The cursor is opaque to clients; position is where the next page begins, in
// the caller's own terms, untouched when there is no cursor. A bad limit or cursor is a 400.
func Page(r *http.Request, position any) (limit int, err error) {
	query := r.URL.Query()
	limit = DefaultLimit
	if text := query.Get("limit"); text != "" {
		limit, err = strconv.Atoi(text)
		if err != nil || limit < 1 || limit > MaxLimit {
			return 0, fault.Malformed("limit has to be a whole number from 1 to %d", MaxLimit)
		}
	}
	if text := query.Get("cursor"); text != "" {
		raw, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil || json.Unmarshal(raw, position) != nil {
			return 0, fault.Malformed("cursor has to be the nextCursor of an earlier answer")
		}
	}
	return limit, nil
}

// Paged makes a list of items, read with one more than limit to see whether there is a next page; position says where it
// would begin, from the last item shown.
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
