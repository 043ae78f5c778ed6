package rest

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"comanda/services/internal/fault"
)

// checkQuery refuses a query with a parameter that route does not know, or with a repeated one. If such a parameter were ignored, the
// client would silently get the answer to another question.
func checkQuery(r *http.Request, route Route) error {
	given, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return fault.Malformed("the query is not well formed: it must be name=value pairs with & between them, percent-encoded")
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		switch {
		case slices.Contains(route.QueryLists, name):
		case !slices.Contains(route.Query, name):
			return fault.Malformed("the query parameter %.60q is not known here: %s", name, knownParameters(route))
		case len(given[name]) > 1:
			return fault.Malformed("the query parameter %q must be given at most once", name)
		}
	}
	return nil
}

// knownParameters says which parameters route has.
func knownParameters(route Route) string {
	known := slices.Sorted(slices.Values(slices.Concat(route.Query, route.QueryLists)))
	if len(known) == 0 {
		return "this address has no parameters"
	}
	return "the parameters are " + strings.Join(known, ", ")
}

// WholeNumber reads a number that a client wrote in a header or a parameter: digits only, without a sign. It reports false for other
// text and for a number that is too large.
func WholeNumber(text string) (int, bool) {
	if strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	number, err := strconv.Atoi(text)
	return number, err == nil
}
