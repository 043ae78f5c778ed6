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

// Limits of what is said about a wrong body: a megabyte of unknown fields does not come back as one of complaints.
const (
	maxComplaints = 20
	maxName       = 100
	maxPlace      = 300 // a place this deep is not told any closer, or each level would cost as much as all above it
)

// shape compares a body with the type it shall fill and names every place where it differs, as a path in the body's own
// terms (items[0].quantity). It is stricter than encoding/json, which takes EMAIL for email and the last of two equal
// members, and names one difference only, without its place in a list.
type shape struct {
	decoder *json.Decoder
	wrong   []fault.Field
}

// misfits lists where body, which is valid JSON, does not fit target.
func misfits(body []byte, target reflect.Type) []fault.Field {
	s := shape{decoder: json.NewDecoder(bytes.NewReader(body))}
	s.decoder.UseNumber()
	s.value(target, "")
	return s.wrong
}

func (s *shape) complain(path, message string) {
	if len(s.wrong) < maxComplaints {
		s.wrong = append(s.wrong, fault.Field{Field: path, Message: message})
	}
}

// value reads one value. A nil target is unknown or decodes itself: there, only what holds for all JSON is checked.
func (s *shape) value(target reflect.Type, path string) {
	target = resolved(target)
	token, err := s.decoder.Token()
	if err != nil { // the body is known to be valid
		return
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			s.object(s.expect(target, path, reflect.Struct, reflect.Map), path)
		} else {
			s.list(s.expect(target, path, reflect.Slice, reflect.Array), path)
		}
	case string:
		s.expect(target, path, reflect.String)
		if strings.ContainsRune(token, 0) { // Postgres keeps no text with it
			s.complain(path, "has a NUL character")
		}
	case bool:
		s.expect(target, path, reflect.Bool)
	case json.Number:
		s.number(target, path, token)
	}
}

// resolved follows pointers, and returns nil for types that take any value or decode themselves.
func resolved(target reflect.Type) reflect.Type {
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

// expect complains when target is of none of kinds; what is below a misfit is no longer compared.
func (s *shape) expect(target reflect.Type, path string, kinds ...reflect.Kind) reflect.Type {
	if target == nil {
		return nil
	}
	for _, kind := range kinds {
		if target.Kind() == kind {
			return target
		}
	}
	s.complain(path, "has to be "+jsonName(target.Kind().String()))
	return nil
}

func (s *shape) number(target reflect.Type, path string, number json.Number) {
	if target == nil || target.Kind() == reflect.Float64 || target.Kind() == reflect.Float32 {
		return
	}
	var err error
	switch kind := target.Kind(); {
	case kind >= reflect.Int && kind <= reflect.Int64:
		_, err = strconv.ParseInt(number.String(), 10, target.Bits())
	case kind >= reflect.Uint && kind <= reflect.Uint64:
		_, err = strconv.ParseUint(number.String(), 10, target.Bits())
	default:
		s.expect(target, path)
	}
	if err != nil {
		s.complain(path, "has to be "+jsonName(target.Kind().String()))
	}
}

func (s *shape) object(target reflect.Type, path string) {
	seen := map[string]bool{}
	for s.decoder.More() {
		token, err := s.decoder.Token()
		if err != nil {
			return
		}
		name, _ := token.(string)
		below := join(path, name)
		if seen[name] {
			s.complain(below, "is there more than once")
		}
		seen[name] = true
		s.value(s.member(target, name, below), below)
	}
	_, _ = s.decoder.Token()
}

func (s *shape) list(target reflect.Type, path string) {
	var element reflect.Type
	if target != nil {
		element = target.Elem()
	}
	for i := 0; s.decoder.More(); i++ {
		s.value(element, entry(path, i))
	}
	_, _ = s.decoder.Token()
}

// member finds the type of an object's member, and complains when there is none of exactly that name.
func (s *shape) member(target reflect.Type, name, path string) reflect.Type {
	switch {
	case target == nil:
		return nil
	case target.Kind() == reflect.Map:
		return target.Elem()
	}
	for _, field := range reflect.VisibleFields(target) {
		called, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if called == "" {
			called = field.Name
		}
		if field.IsExported() && !field.Anonymous && called == name && called != "-" {
			return field.Type
		}
	}
	s.complain(path, "is not a field of this request")
	return nil
}

// join puts a member's name behind its place, shortened: it comes from outside.
func join(path, name string) string {
	if len(name) > maxName {
		name = strings.ToValidUTF8(name[:maxName], "") + "..."
	}
	switch {
	case path == "":
		return name
	case len(path) > maxPlace:
		return path
	}
	return path + "." + name
}

// entry is the place of a list's entry.
func entry(path string, i int) string {
	if len(path) > maxPlace {
		return path
	}
	return fmt.Sprintf("%s[%d]", path, i)
}
