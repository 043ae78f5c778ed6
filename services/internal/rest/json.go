package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"
	"unicode/utf8"

	"comanda/services/internal/fault"
)

// MaxBody is the size limit of a request body: 1 MiB.
const MaxBody = 1 << 20

// JSON writes v as the response. The error is always nil; it lets a handler end with return rest.JSON(...).
func JSON(w http.ResponseWriter, status int, v any) error {
	writeJSON(w, status, "application/json", v)
	return nil
}

func writeJSON(w http.ResponseWriter, status int, contentType string, v any) {
	body, err := json.Marshal(v)
	if err != nil { // cannot happen: every response is a plain struct
		panic(err)
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

// Body reads r's body, which must be at most MaxBody bytes of valid UTF-8 JSON. Otherwise the error is a 413, 415 or 400.
func Body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		// MaxBytesReader asks the server to close the connection, but its request does not pass through wrappers of w.
		w.Header().Set("Connection", "close")
		return nil, &fault.Error{Kind: fault.KindTooLarge, Message: "the body is larger than 1 MiB"}
	case err != nil:
		return nil, fault.Malformed("the body is incomplete: send it again")
	case len(body) == 0: // before the check of its type, which an empty body lacks; a sidecar does not pass on the length
		return nil, fault.Malformed("the body is empty: send JSON")
	case !isJSON(r, kind):
		if r.Method == http.MethodPatch {
			w.Header().Set("Accept-Patch", acceptedPatches)
		}
		return nil, &fault.Error{Kind: fault.KindMediaType, Message: "send the body as Content-Type: application/json"}
	case !utf8.Valid(body):
		return nil, fault.Malformed("the body is not valid UTF-8")
	case !json.Valid(body):
		return nil, fault.Malformed("the body is not valid JSON")
	}
	return body, nil
}

// Decode reads r's body into v, a pointer to a struct. A body that is not JSON is a 400. Unknown fields, duplicate fields and
// fields of the wrong type are a 422 that names them. The caller checks that fields are present and make sense; null counts
// as absent.
func Decode(w http.ResponseWriter, r *http.Request, v any) error {
	body, err := Body(w, r)
	if err != nil {
		return err
	}
	return decode(body, v)
}

func decode(body []byte, v any) error {
	if bytes.Equal(bytes.TrimSpace(body), []byte("null")) {
		return fault.Wrong("", "must be an object")
	}
	if wrong := wrongFields(body, reflect.TypeOf(v)); len(wrong) > 0 {
		return fault.Invalid(wrong...)
	}
	err := json.Unmarshal(body, v)
	var mismatch *json.UnmarshalTypeError
	switch {
	case errors.As(err, &mismatch):
		return fault.Wrong(mismatch.Field, "must be %s", jsonName(mismatch.Type.Kind().String()))
	case err != nil: // from a type's own UnmarshalJSON, whose messages are written for clients
		return fault.Wrong("", "%s", err.Error())
	}
	return nil
}

// jsonName returns the JSON name of a Go kind.
func jsonName(kind string) string {
	switch {
	case strings.HasPrefix(kind, "int"), strings.HasPrefix(kind, "uint"):
		return "a whole number in range"
	case strings.HasPrefix(kind, "float"):
		return "a number"
	case kind == "slice", kind == "array":
		return "a list"
	case kind == "struct", kind == "map":
		return "an object"
	case kind == "bool":
		return "true or false"
	}
	return "a " + kind
}
