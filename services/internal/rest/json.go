package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"unicode/utf8"

	"comanda/services/internal/fault"
)

// JSON writes v as the response. The error is always nil; it lets a handler end with return rest.JSON(...).
func JSON(w http.ResponseWriter, status int, v any) error {
	writeJSON(w, status, "application/json", v)
	return nil
}

func writeJSON(w http.ResponseWriter, status int, contentType string, v any) {
	w.Header().Set("Cache-Control", "no-store")
	write(w, status, contentType, encode(v))
}

// Body reads r's body. The error is a 413 if the body has more bytes than its Route allows or more than maxValues members and elements, a
// 415 if its media type is not JSON, and a 400 if it is empty, incomplete, deeper than maxDepth, or not I-JSON in UTF-8 (RFC 7493).
func Body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := OptionalBody(w, r)
	if err == nil && body == nil {
		err = fault.Malformed("the body is empty: send JSON")
	}
	return body, err
}

// OptionalBody is Body, except that it returns nil for an empty body, however that is framed.
func OptionalBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := ReadBody(w, r, bodyLimit(r.Context()))
	if err != nil || len(body) == 0 { // an empty body has no type to check; ContentLength does not show it, because a sidecar sends it chunked
		return nil, err
	}
	if err := checkBodyType(w, r); err != nil {
		return nil, err
	}
	if err := checkSize(body); err != nil {
		return nil, err
	}
	switch {
	case !utf8.Valid(body):
		return nil, fault.Malformed("the body is not valid UTF-8")
	case !json.Valid(body):
		return nil, fault.Malformed("the body is not valid JSON")
	}
	return body, checkIJSON(body)
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

// DecodeOptional is Decode, except that it leaves v as it is when the body is empty.
func DecodeOptional(w http.ResponseWriter, r *http.Request, v any) error {
	body, err := OptionalBody(w, r)
	if err != nil || body == nil {
		return err
	}
	return decode(body, v)
}

// decode decodes body, valid JSON, into v, as Decode promises.
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

// jsonName describes the JSON values that fit a Go kind.
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
