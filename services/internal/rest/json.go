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

// MaxBody is the largest request body that is read: 1 MiB.
const MaxBody = 1 << 20

// JSON writes v as the answer.
func JSON(w http.ResponseWriter, status int, v any) error {
	writeJSON(w, status, "application/json", v)
	return nil
}

func writeJSON(w http.ResponseWriter, status int, contentType string, v any) {
	body, err := json.Marshal(v)
	if err != nil { // every value we answer with is a plain struct of ours
		panic(err)
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

// Body reads r's whole body, at most MaxBody bytes of valid UTF-8 JSON: 413, 415 or 400 otherwise.
func Body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		w.Header().Set("Connection", "close") // the reader asks the server for that, but not through what wraps w
		return nil, &fault.Error{Kind: fault.KindTooLarge, Message: "the body is larger than 1 MiB"}
	case err != nil:
		return nil, fault.Malformed("the body did not arrive whole")
	case len(body) == 0: // what is not there has no type either; and through a sidecar its length is not known before
		return nil, fault.Malformed("there is no body, and one of JSON is needed")
	case kind != "application/json":
		return nil, &fault.Error{Kind: fault.KindMediaType, Message: "send the body as Content-Type: application/json"}
	case !utf8.Valid(body):
		return nil, fault.Malformed("the body is not valid UTF-8")
	case !json.Valid(body):
		return nil, fault.Malformed("the body is not valid JSON")
	}
	return body, nil
}

// Decode reads r's body into v, a pointer to a struct: 400 for what is no JSON, 422 with every field named that is unknown,
// there twice or of the wrong type. That fields are present and sensible is for the caller to check; null counts as absent.
func Decode(w http.ResponseWriter, r *http.Request, v any) error {
	body, err := Body(w, r)
	if err != nil {
		return err
	}
	if bytes.Equal(bytes.TrimSpace(body), []byte("null")) {
		return fault.Wrong("", "has to be an object")
	}
	if wrong := misfits(body, reflect.TypeOf(v)); len(wrong) > 0 {
		return fault.Invalid(wrong...)
	}
	err = json.Unmarshal(body, v)
	var misfit *json.UnmarshalTypeError
	switch {
	case errors.As(err, &misfit):
		return fault.Wrong(misfit.Field, "has to be %s", jsonName(misfit.Type.Kind().String()))
	case err != nil: // a type that decodes itself and refused: its words are meant to be shown
		return fault.Wrong("", "%s", err.Error())
	}
	return nil
}

// jsonName says in JSON's words what Go's kind wants.
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
