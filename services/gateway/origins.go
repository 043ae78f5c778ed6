package main

import (
	"errors"
	"net/url"
	"strings"

	"golang.org/x/net/idna"
)

// origins are the origins of pages that may call the API from a browser, as browsers send them in the header Origin.
type origins []string

var errOrigins = errors.New("must be a list of origins such as https://app.example.com,http://localhost:3000: scheme, host and port only")

// UnmarshalText reads a comma-separated list of origins. It normalises each one to the form that browsers send: lower case, ASCII,
// without the scheme's own port (https://html.spec.whatwg.org/multipage/browsers.html#ascii-serialisation-of-an-origin).
func (o *origins) UnmarshalText(text []byte) error {
	for _, item := range listItems(text) {
		origin, err := serializeOrigin(item)
		if err != nil {
			return err
		}
		*o = append(*o, origin)
	}
	return nil
}

// serializeOrigin returns the form of one origin that browsers send.
func serializeOrigin(text string) (string, error) {
	at, err := url.Parse(text)
	if err != nil || at.Scheme != "http" && at.Scheme != "https" || at.User != nil || at.Hostname() == "" ||
		strings.Trim(at.Path, "/") != "" || at.RawQuery != "" || at.Fragment != "" || strings.Contains(at.Hostname(), "*") {
		return "", errOrigins
	}
	host, port := at.Hostname(), at.Port()
	if strings.Contains(host, ":") {
		host = "[" + strings.ToLower(host) + "]"
	} else if host, err = idna.Lookup.ToASCII(host); err != nil {
		return "", errOrigins
	}
	if port != "" && port != map[string]string{"http": "80", "https": "443"}[at.Scheme] {
		host += ":" + port
	}
	return at.Scheme + "://" + host, nil
}
