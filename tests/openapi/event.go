package openapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// schema is one schema of the document.
type schema struct{ compiled *jsonschema.Schema }

// compileSchema compiles the schema of this name, for what the validator cannot check: the events of a stream, which OpenAPI 3.1 cannot
// describe, and the problems that refuse requests outside the document.
func compileSchema(text []byte, name string) (schema, error) {
	var document any
	if err := yaml.Unmarshal(text, &document); err != nil {
		return schema{}, err
	}
	raw, err := json.Marshal(document)
	if err != nil {
		return schema{}, err
	}
	if document, err = jsonschema.UnmarshalJSON(bytes.NewReader(raw)); err != nil {
		return schema{}, err
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	const location = "openapi.json"
	if err := compiler.AddResource(location, document); err != nil {
		return schema{}, err
	}
	compiled, err := compiler.Compile(location + "#/components/schemas/" + name)
	return schema{compiled}, err
}

// check validates a JSON text against the schema. It also refuses members that the schema does not list, which the schema itself allows.
func (s schema) check(data string) error {
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(data))
	if err != nil {
		return err
	}
	if err := s.compiled.Validate(value); err != nil {
		return err
	}
	members, _ := value.(map[string]any)
	for name := range members { // schemas of responses are open, so that they can grow
		if s.compiled.Properties[name] == nil {
			return fmt.Errorf("the document has no member %s", name)
		}
	}
	return nil
}

// stream is the body of an event stream. It checks each line that a client reads.
type stream struct {
	io.ReadCloser
	events schema
	report func(error)
	rest   []byte // an unfinished line
}

func (s *stream) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	s.rest = append(s.rest, p[:n]...)
	for {
		line, after, found := bytes.Cut(s.rest, []byte("\n"))
		if !found {
			return n, err
		}
		if wrong := s.checkLine(string(line)); wrong != nil {
			s.report(fmt.Errorf("event stream: line %q: %w", line, wrong))
		}
		s.rest = after
	}
}

func (s *stream) checkLine(line string) error {
	name, value, _ := strings.Cut(line, ": ")
	switch {
	case name == "data":
		return s.events.check(value)
	case name == "event" && value == "status", name == "id" && strings.Trim(value, "0123456789") == "", name == "retry",
		line == "", line == ": still here":
		return nil
	}
	return fmt.Errorf("the document does not have it")
}
