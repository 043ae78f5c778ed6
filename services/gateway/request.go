package main

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/token"
	"comanda/services/internal/validate"
)

// maxParameter is the maximum length of a query parameter in bytes. A search may have 100 characters. They may come in NFD, in which a
// Korean syllable has 9 bytes.
const maxParameter = 1200

// parameter matches a path parameter in a call's path, such as {id}.
var parameter = regexp.MustCompile(`\{(\w+)\}`)

// fillPath replaces the parameters in a call's path with r's ids. It returns NotFound when one is not a UUID.
func fillPath(r *http.Request, template string) (path string, err error) {
	path = parameter.ReplaceAllStringFunc(template, func(name string) string {
		id, invalid := idParam(r, strings.Trim(name, "{}"))
		if invalid != nil {
			err = invalid
		}
		return id
	})
	return path, err
}

// idParam returns the id that r has as path parameter name, in lower case. It returns NotFound when that is not a UUID.
func idParam(r *http.Request, name string) (string, error) {
	id := rest.Param(r, name)
	if !validate.IsUUID(id) {
		return "", fault.NotFound("there is nothing with this id: ids are UUIDs")
	}
	return strings.ToLower(id), nil
}

// filterQuery returns the allowed parameters in r's query; the router has refused all others. An empty parameter counts as
// absent, because forms send their empty fields.
func filterQuery(r *http.Request, allowed []string) (url.Values, error) {
	given, picked := r.URL.Query(), url.Values{}
	for _, name := range allowed {
		value := given.Get(name)
		switch {
		case value == "":
			continue
		case len(value) > maxParameter, !utf8.ValidString(value), strings.ContainsFunc(value, unicode.IsControl):
			return nil, fault.Malformed("%s must be text of at most %d bytes, in UTF-8", name, maxParameter)
		}
		picked.Set(name, value)
	}
	return picked, nil
}

// readBody reads r's body: JSON, or none.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength == 0 || !slices.Contains(methodsWithBody, r.Method) { // withoutBody (routes.go) has refused a body of other methods
		return nil, nil
	}
	return rest.OptionalBody(w, r)
}

// copyCredentials copies the Authorization header if its token has been verified. It copies only Bearer tokens, because a
// sidecar reads its target's app id from Basic credentials.
func copyCredentials(r *http.Request, to http.Header) {
	if token.From(r.Context()).Subject != "" {
		to.Set("Authorization", r.Header.Get("Authorization"))
	}
}
