package rest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// anonymousKey marks the context of a request that came without a token to a public route (authorize sets it). Shared caches may keep
// its response.
type anonymousKey struct{}

// Resource writes v, the current state of a resource, with its validators. For a GET or HEAD it evaluates the precondition:
// 304 when the client has this version already, 412 when it asks for another one.
func Resource(w http.ResponseWriter, r *http.Request, status int, current Validators, v any) error {
	return writeValidated(w, r, status, current, "application/json", encode(v))
}

// Unversioned writes v, a response without an entity tag that caches must not keep. If-Match with a tag is a 412.
func Unversioned(w http.ResponseWriter, r *http.Request, v any) error {
	if err := PreconditionOf(r).CheckUnversioned(); err != nil {
		return err
	}
	return JSON(w, http.StatusOK, v)
}

// Document writes v, a list or another document without a version. Its entity tag is a hash of its JSON.
func Document(w http.ResponseWriter, r *http.Request, v any) error {
	return NewFile("application/json", encode(v)).Serve(w, r)
}

// writeValidated evaluates the precondition of a GET or HEAD and writes body with its validators (see Resource).
func writeValidated(
	w http.ResponseWriter, r *http.Request, status int, current Validators, contentType string, body []byte,
) error {
	p, safe := PreconditionOf(r), r.Method == http.MethodGet || r.Method == http.MethodHead
	if safe {
		if err := p.checkMatch(current); err != nil {
			return err
		}
	}
	setValidators(w.Header(), r, current)
	if safe && p.notModified(current) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	write(w, status, contentType, body)
	return nil
}

// setValidators sets the validators and lets caches keep the response, if they ask us before they use it.
func setValidators(header http.Header, r *http.Request, current Validators) {
	header.Set("ETag", `"`+current.Tag+`"`)
	// A date in the future is not allowed (RFC 9110, 8.8.2.1). lastModified rounds up, so there is no date until the second of the change is over.
	if at := current.lastModified(); !current.Modified.IsZero() && !at.After(time.Now()) {
		header.Set("Last-Modified", at.UTC().Format(http.TimeFormat))
	}
	header.Set("Cache-Control", "private, no-cache")
	if anonymous, _ := r.Context().Value(anonymousKey{}).(bool); anonymous {
		header.Set("Cache-Control", "no-cache")
	}
}

// AddVary adds a name to the header Vary, unless it is there.
func AddVary(header http.Header, name string) {
	names := strings.Split(strings.Join(header.Values("Vary"), ","), ",")
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	if slices.ContainsFunc(names, func(existing string) bool { return strings.EqualFold(existing, name) }) {
		return
	}
	names = slices.DeleteFunc(append(names, name), func(name string) bool { return name == "" })
	header.Set("Vary", strings.Join(names, ", "))
}

func encode(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil { // cannot happen: every response is a plain struct
		panic(err)
	}
	return append(body, '\n')
}

// write sends the response. Content-Length is set because a HEAD has to name the length that a GET would have.
func write(w http.ResponseWriter, status int, contentType string, body []byte) {
	header := w.Header()
	header.Set("Content-Type", contentType)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) // net/http drops the body of a response to HEAD
}
