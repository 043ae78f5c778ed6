package rest

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"comanda/services/internal/fault"
)

// Limits of the error about a wrong body: a body full of unknown fields must not cause a response that is larger than itself.
const (
	maxWrong = 20  // differences that are reported
	maxName  = 100 // bytes of a field's name
	maxPath  = 300 // bytes of a path that is still extended; without a limit each level would copy all levels above it
)

// shape compares a body with the type it is decoded into and reports every difference with its path (items[0].quantity). It
// is stricter than encoding/json, which accepts EMAIL for email, takes the last of two duplicate members, and reports only
// one difference, without its index in a list. It stops after maxWrong differences: it must not read and remember the members of a
// body that it refuses anyway.
type shape struct {
	decoder *json.Decoder
	wrong   []fault.Field
}

// wrongFields returns the fields of body, which is valid JSON, that do not match target.
func wrongFields(body []byte, target reflect.Type) []fault.Field {
	s := shape{decoder: json.NewDecoder(bytes.NewReader(body))}
	s.decoder.UseNumber()
	s.checkValue(target, "")
	return s.wrong
}

// tooManyWrong reports whether maxWrong differences were found: then the check stops.
func (s *shape) tooManyWrong() bool { return len(s.wrong) >= maxWrong }

// report adds a difference, unless there are maxWrong.
func (s *shape) report(path, message string) {
	if !s.tooManyWrong() {
		s.wrong = append(s.wrong, fault.Field{Field: path, Message: message})
	}
}

// checkValue reads one value and compares it with target. A nil target is unknown or has its own decoding; then only the
// rules for all JSON apply. null matches every target.
func (s *shape) checkValue(target reflect.Type, path string) {
	target = resolve(target)
	token, err := s.decoder.Token()
	if err != nil { // the body is known to be valid
		return
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			s.checkObject(s.expect(target, path, reflect.Struct, reflect.Map), path)
		} else {
			s.checkList(s.expect(target, path, reflect.Slice, reflect.Array), path)
		}
	case string:
		s.expect(target, path, reflect.String)
		if strings.ContainsRune(token, 0) { // Postgres cannot store it in text
			s.report(path, "has a NUL character")
		}
	case bool:
		s.expect(target, path, reflect.Bool)
	case json.Number:
		s.checkNumber(target, path, token)
	}
}

// resolve follows pointers to the type they point to. It returns nil for types that accept any value or have their own decoding.
func resolve(target reflect.Type) reflect.Type {
	for target != nil {
		own := reflect.PointerTo(target)
		if own.Implements(reflect.TypeFor[json.Unmarshaler]()) || own.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
			return nil
		}
		if target.Kind() == reflect.Interface {
			return nil
		}
		if target.Kind() != reflect.Pointer {
			return target
		}
		target = target.Elem()
	}
	return nil
}

// expect returns target if it is of one of the kinds. Otherwise it reports a wrong field and returns nil, so that the levels below are not
// compared.
func (s *shape) expect(target reflect.Type, path string, kinds ...reflect.Kind) reflect.Type {
	if target == nil {
		return nil
	}
	for _, kind := range kinds {
		if target.Kind() == kind {
			return target
		}
	}
	s.report(path, "must be "+jsonName(target.Kind().String()))
	return nil
}

// checkNumber reports a wrong field unless target holds numbers and number fits into it.
func (s *shape) checkNumber(target reflect.Type, path string, number json.Number) {
	if target == nil || target.Kind() == reflect.Float64 || target.Kind() == reflect.Float32 {
		return
	}
	var err error
	switch kind := target.Kind(); {
	case kind >= reflect.Int && kind <= reflect.Int64:
		_, err = strconv.ParseInt(number.String(), 10, target.Bits())
	case kind >= reflect.Uint && kind <= reflect.Uint64:
		_, err = strconv.ParseUint(number.String(), 10, target.Bits())
	default: // no other kind can hold a number
		s.expect(target, path)
	}
	if err != nil {
		s.report(path, "must be "+jsonName(target.Kind().String()))
	}
}

// checkObject checks the members of an object, whose opening brace has been read.
func (s *shape) checkObject(target reflect.Type, path string) {
	seen := map[string]bool{}
	for !s.tooManyWrong() && s.decoder.More() {
		token, err := s.decoder.Token()
		if err != nil {
			return
		}
		name, _ := token.(string)
		below := memberPath(path, name)
		if seen[name] {
			s.report(below, "is there more than once")
		}
		seen[name] = true
		s.checkValue(s.memberType(target, name, below), below)
	}
	if !s.tooManyWrong() {
		_, _ = s.decoder.Token() // the closing brace
	}
}

// checkList checks the elements of a list, whose opening bracket has been read.
func (s *shape) checkList(target reflect.Type, path string) {
	var element reflect.Type
	if target != nil {
		element = target.Elem()
	}
	for i := 0; !s.tooManyWrong() && s.decoder.More(); i++ {
		s.checkValue(element, elementPath(path, i))
	}
	if !s.tooManyWrong() {
		_, _ = s.decoder.Token() // the closing bracket
	}
}

// memberType returns the type that the member called name must have. If target is a struct without a field of exactly that JSON name, it
// reports a wrong field.
func (s *shape) memberType(target reflect.Type, name, path string) reflect.Type {
	switch {
	case target == nil:
		return nil
	case target.Kind() == reflect.Map:
		return target.Elem()
	}
	for _, field := range reflect.VisibleFields(target) {
		tagName, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if tagName == "" {
			tagName = field.Name
		}
		if field.IsExported() && !field.Anonymous && tagName == name && tagName != "-" {
			return field.Type
		}
	}
	s.report(path, "is not a field of this request")
	return nil
}

// memberPath appends a member's name to path. It shortens the name, which comes from the client.
func memberPath(path, name string) string {
	if len(name) > maxName {
		name = strings.ToValidUTF8(name[:maxName], "") + "..."
	}
	switch {
	case path == "":
		return name
	case len(path) > maxPath:
		return path
	}
	return path + "." + name
}

// elementPath appends a list index to path.
func elementPath(path string, i int) string {
	if len(path) > maxPath {
		return path
	}
	return fmt.Sprintf("%s[%d]", path, i)
}
