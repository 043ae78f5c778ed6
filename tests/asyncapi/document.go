package asyncapi

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// Document is docs/asyncapi.yaml. Its maps have the names of the document as keys.
type Document struct {
	Channels   map[string]Channel
	Operations map[string]Operation
	Components struct{ Messages map[string]Message }

	headers map[string]*jsonschema.Schema // by message
	values  map[string]*jsonschema.Schema // by message; none for dead letters
}

// Channel is one topic.
type Channel struct {
	Address  string
	Messages map[string]Reference
	Bindings struct{ Kafka struct{ Partitions int } }
}

// Operation is the role of one service on one channel: it sends or receives.
type Operation struct {
	Action  string
	Channel Reference
	Tags    []struct{ Name string }
}

// Service returns the service that the operation belongs to.
func (o Operation) Service() string {
	if len(o.Tags) != 1 {
		return ""
	}
	return o.Tags[0].Name
}

// Message is one kind of record.
type Message struct {
	Name     string // the events' type
	Payload  Reference
	Headers  map[string]any
	Traits   []Reference
	Examples []struct {
		Name    string
		Headers map[string]any
		Payload any
	}
}

// Reference points to another part of the document or to a file.
type Reference struct {
	Ref string `yaml:"$ref"`
}

// Target returns the last part of the reference: a key of the map that it points into.
func (r Reference) Target() string { return r.Ref[strings.LastIndex(r.Ref, "/")+1:] }

// deadLetter is the message whose value may be anything.
const deadLetter = "DeadLetter"

// Load reads asyncapi.yaml and its schemas from a folder.
func Load(folder string) (*Document, error) {
	path := filepath.Join(folder, "asyncapi.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	d := &Document{headers: map[string]*jsonschema.Schema{}, values: map[string]*jsonschema.Schema{}}
	var whole struct {
		Components struct {
			MessageTraits map[string]struct{ Headers map[string]any } `yaml:"messageTraits"`
		}
	}
	for _, into := range []any{d, &whole} {
		if err := yaml.Unmarshal(text, into); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	for name, message := range d.Components.Messages {
		headers := message.Headers // unless a trait has them
		for _, trait := range message.Traits {
			headers = whole.Components.MessageTraits[trait.Target()].Headers
		}
		if d.headers[name], err = compileHeaders(compiler, name, headers); err != nil {
			return nil, err
		}
		if name == deadLetter {
			continue
		}
		if d.values[name], err = compiler.Compile(filepath.Join(folder, message.Payload.Ref)); err != nil {
			return nil, fmt.Errorf("%s: message %s: %w", path, name, err)
		}
	}
	return d, nil
}

func compileHeaders(compiler *jsonschema.Compiler, name string, headers map[string]any) (*jsonschema.Schema, error) {
	location := "headers-of-" + name + ".json"
	if err := compiler.AddResource(location, jsonValue(headers)); err != nil {
		return nil, err
	}
	return compiler.Compile(location)
}
