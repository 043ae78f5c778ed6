package servicetest

import (
	"net/http"
	"strings"
	"testing"

	"comanda/services/internal/rest"
)

// ReadPages reads a list from its first page to its last, at most 100. It returns the items, the number of pages, and the size of the
// largest in bytes. target is the request for the first page, with a query.
func ReadPages[T any](t testing.TB, api API, by Person, target string, headers ...string) (items []T, pages, largest int) {
	t.Helper()
	if !strings.Contains(target, "?") {
		t.Fatalf("%s has no query, to which a cursor can be added", target)
	}
	for cursor := ""; pages < 100; {
		response := api.Request(t, by, http.MethodGet, target+cursor, "", headers...)
		page := Decode[rest.List[T]](t, response, http.StatusOK)
		items, pages, largest = append(items, page.Items...), pages+1, max(largest, len(response.Body))
		if page.NextCursor == "" {
			return items, pages, largest
		}
		cursor = "&cursor=" + page.NextCursor
	}
	t.Fatalf("%s has more than 100 pages", target)
	return nil, 0, 0
}
