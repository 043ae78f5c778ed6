package rest

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"comanda/services/internal/fault"
)

// readBody reads r's body of at most MaxBody bytes.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		// MaxBytesReader asks the server to close the connection, but its request does not pass through wrappers of w.
		w.Header().Set("Connection", "close")
		return nil, &fault.Error{Kind: fault.KindTooLarge, Message: "the body is larger than 1 MiB"}
	case err != nil:
		return nil, fault.Malformed("the body is incomplete: send it again")
	}
	return body, nil
}

// checkBodyType returns an error unless the headers describe plain JSON in UTF-8. The response to a 415 names what is accepted
// (RFC 9110, 15.5.16; RFC 5789, 2.2).
func checkBodyType(w http.ResponseWriter, r *http.Request) error {
	unsupported := func(message string) error { return &fault.Error{Kind: fault.KindMediaType, Message: message} }
	if !isPlain(r.Header.Values("Content-Encoding")) {
		w.Header().Set("Accept-Encoding", "identity")
		return unsupported("send the body without a Content-Encoding")
	}
	types := r.Header.Values("Content-Type")
	if len(types) > 1 {
		return fault.Malformed("Content-Type must be sent once")
	}
	kind, parameters, err := mime.ParseMediaType(strings.Join(types, ""))
	charset := strings.ToLower(parameters["charset"])
	switch {
	case err != nil || !isJSON(r, kind):
		setAccepted(w, r)
		return unsupported("send the body as Content-Type: application/json")
	case charset != "" && charset != "utf-8" && charset != "utf8":
		setAccepted(w, r)
		return unsupported("send the body in UTF-8, as Content-Type: application/json")
	}
	return nil
}

func setAccepted(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Accept", "application/json")
	if r.Method == http.MethodPatch {
		w.Header().Set("Accept-Patch", acceptedPatches)
	}
}

// isPlain reports whether the body has no content coding.
func isPlain(encodings []string) bool {
	return !slices.ContainsFunc(strings.Split(strings.Join(encodings, ","), ","), func(coding string) bool {
		coding = strings.TrimSpace(coding)
		return coding != "" && !strings.EqualFold(coding, "identity")
	})
}

// RefuseBody returns an error if r has a body. A chunked body may be empty, which is no body.
func RefuseBody(r *http.Request) error {
	if r.ContentLength == 0 {
		return nil
	}
	if _, err := io.ReadFull(r.Body, make([]byte, 1)); r.ContentLength < 0 && errors.Is(err, io.EOF) {
		return nil
	}
	return fault.Malformed("%s must have no body", r.Method)
}
