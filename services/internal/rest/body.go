package rest

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"comanda/services/internal/fault"
)

// ReadBody reads r's body of at most limit bytes. It reserves the memory first (Bodies): the Content-Length, or limit if the body is
// chunked. When the body is complete it removes the deadline of Bodies.Serve, which would end the request while the service works.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength == 0 {
		return nil, nil
	}
	size := r.ContentLength
	if size < 0 {
		size = limit
	}
	if size > limit {
		return nil, tooLarge(w, limit)
	}
	held := reservationOf(r.Context())
	if err := held.reserve(size); err != nil {
		return nil, err
	}
	body, err := readAll(r, limit)
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
		held.shrink(0)
		return nil, tooLarge(w, limit)
	case err != nil:
		held.shrink(0)
		return nil, fault.Malformed("the body is incomplete: send it again, within %d s", int(BodyTimeout/time.Second))
	}
	held.shrink(int64(cap(body)))
	removeReadDeadline(w)
	return body, nil
}

// readAll reads r's body, into one allocation if its length is known. A body over limit is an *http.MaxBytesError.
func readAll(r *http.Request, limit int64) ([]byte, error) {
	source := http.MaxBytesReader(nil, r.Body, limit)
	if r.ContentLength < 0 {
		return io.ReadAll(source)
	}
	body := make([]byte, r.ContentLength)
	_, err := io.ReadFull(source, body)
	return body, err
}

// tooLarge returns the error for a body over limit. It closes the connection, because the rest of the body may be of any size.
func tooLarge(w http.ResponseWriter, limit int64) error {
	w.Header().Set("Connection", "close")
	return tooBig("the body must have at most %d KiB", limit>>10)
}

// removeReadDeadline removes the deadline that Bodies.Serve has set. It fails only with a test's recorder, which has no deadlines.
func removeReadDeadline(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
}

// checkBodyType returns an error unless the headers describe plain JSON in UTF-8. For a 415 it sets the headers that name what is accepted
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
func RefuseBody(w http.ResponseWriter, r *http.Request) error {
	if r.ContentLength == 0 {
		return nil
	}
	if _, err := io.ReadFull(r.Body, make([]byte, 1)); r.ContentLength < 0 && errors.Is(err, io.EOF) {
		removeReadDeadline(w)
		return nil
	}
	return fault.Malformed("%s must have no body", r.Method)
}
