package main

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/token"
	"comanda/services/internal/validate"
)

// bodyTimeout is how long a client may take to send a body.
const bodyTimeout = 10 * time.Second

// maxParameter is the longest value of a query parameter, in bytes.
const maxParameter = 500

var (
	parameter = regexp.MustCompile(`\{(\w+)\}`)
)

// pathOf fills the path of a call with r's parameters. What is no UUID names nothing.
func fillPath(r *http.Request, template string) (string, error) {
	valid := true
	path := parameter.ReplaceAllStringFunc(template, func(name string) string {
		value := rest.Param(r, strings.Trim(name, "{}"))
		valid = valid && validate.IsUUID(value)
		return strings.ToLower(value)
	})
	if !valid {
		return "", fault.NotFound("there is nothing with this id: ids are UUIDs")
	}
	return path, nil
}

// queryOf picks the parameters in allowed out of r's query, the first value of each.
func filterQuery(r *http.Request, allowed []string) (url.Values, error) {
	given, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fault.Malformed("the query is not well formed")
	}
	picked := url.Values{}
	for _, name := range allowed {
		value := given.Get(name)
		switch {
		case value == "":
			continue
		case len(value) > maxParameter, !utf8.ValidString(value), strings.ContainsFunc(value, unicode.IsControl):
			return nil, fault.Malformed("%s has to be text of at most %d bytes, in UTF-8", name, maxParameter)
		}
		picked.Set(name, value)
	}
	return picked, nil
}

// bodyOf reads r's body: JSON, or nothing at all. The edge has given the client until bodyTimeout to send it; that is
// lifted when the body is there, because while an answer is being made it would end the request.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength == 0 {
		return nil, nil
	}
	body, err := rest.Body(w, r)
	if err != nil {
		return nil, err
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // a recorder in a test has none
	return body, nil
}

// credentials copies the proof of who calls, if it has been checked: a Bearer token and nothing else, because a sidecar
// reads the name of its target out of Basic credentials.
func copyCredentials(r *http.Request, to http.Header) {
	if token.From(r.Context()).Subject != "" {
		to.Set("Authorization", r.Header.Get("Authorization"))
	}
}

// seconds says d in whole seconds.
func wholeSeconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }
