package rules

import (
	"encoding/json"
	"go/ast"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"comanda/services/event"
)

// payloads has the Go type of every event's data.
var payloads = map[string]reflect.Type{
	event.CreatingUser.Type():           payloadOf(event.CreatingUser),
	event.CreatingUserResponse.Type():   payloadOf(event.CreatingUserResponse),
	event.CreatingUserCancelled.Type():  payloadOf(event.CreatingUserCancelled),
	event.DeletingUser.Type():           payloadOf(event.DeletingUser),
	event.DeletingUserResponse.Type():   payloadOf(event.DeletingUserResponse),
	event.OrderCreatedPending.Type():    payloadOf(event.OrderCreatedPending),
	event.InventoryStockReserved.Type(): payloadOf(event.InventoryStockReserved),
	event.InventoryStockFailed.Type():   payloadOf(event.InventoryStockFailed),
	event.OrderStatusChanged.Type():     payloadOf(event.OrderStatusChanged),
}

func payloadOf[T any](event.Topic[T]) reflect.Type { return reflect.TypeFor[T]() }

// schema is the part of a JSON Schema that a Go type determines, and the known values.
type schema struct {
	Ref        string `json:"$ref"`
	Type       string
	Format     string
	Required   []string
	Properties map[string]schema
	Items      *schema
	Enum       []string
	Examples   []string
	Defs       map[string]schema `json:"$defs"`
}

func schemaOf(t *testing.T, eventType string) schema {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), "docs", "schemas", eventType+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var s schema
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatalf("%s: %v", eventType, err)
	}
	return s
}

// The Go structs and the schemas have members of the same names and types, and the same members are optional.
func TestSchemasEqualPayloads(t *testing.T) {
	for _, topics := range event.Publishers {
		for _, topic := range topics {
			if payloads[topic+".v1"] == nil {
				t.Errorf("this test does not know the payload of topic %s: add it", topic)
			}
		}
	}
	for eventType, payload := range payloads {
		whole := schemaOf(t, eventType)
		inGo, inSchema := map[string]string{}, map[string]string{}
		describeType(inGo, "data", payload)
		describeSchema(t, inSchema, "data", whole, whole.Defs["data"])
		if difference := cmp.Diff(inGo, inSchema); difference != "" {
			t.Errorf("%s: Go struct (-) and schema (+):\n%s", eventType, difference)
		}
	}
}

// describeType adds the JSON type of every member to all, by its path.
func describeType(all map[string]string, path string, of reflect.Type) {
	switch {
	case of == reflect.TypeFor[time.Time]():
		all[path] = "string date-time"
	case of.Kind() == reflect.Pointer:
		describeType(all, path, of.Elem())
	case of.Kind() == reflect.Slice:
		all[path] = "array"
		describeType(all, path+"[]", of.Elem())
	case of.Kind() == reflect.Struct:
		all[path] = "object"
		for _, field := range reflect.VisibleFields(of) {
			name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
			describeType(all, path+"."+name, field.Type)
			if options == "omitempty" {
				all[path+"."+name] += ", optional"
			}
		}
	case of.Kind() == reflect.String:
		all[path] = "string"
	case of.Kind() >= reflect.Int && of.Kind() <= reflect.Int64:
		all[path] = "integer"
	default:
		all[path] = of.String() + ": unknown to this test"
	}
}

// describeSchema does the same for a schema. A format that Go's string does not have, such as uuid, does not count.
func describeSchema(t *testing.T, all map[string]string, path string, whole, of schema) {
	t.Helper()
	if of.Ref != "" {
		of = whole.Defs[strings.TrimPrefix(of.Ref, "#/$defs/")]
	}
	all[path] = of.Type
	if of.Format == "date-time" {
		all[path] += " date-time"
	}
	if of.Items != nil {
		describeSchema(t, all, path+"[]", whole, *of.Items)
	}
	for name, member := range of.Properties {
		describeSchema(t, all, path+"."+name, whole, member)
		if !slices.Contains(of.Required, name) {
			all[path+"."+name] += ", optional"
		}
	}
	for _, name := range of.Required {
		if _, ok := of.Properties[name]; !ok {
			t.Errorf("%s.%s is required but not described", path, name)
		}
	}
}

// The schemas list the values that the code has constants for: statuses, outcomes and reasons.
func TestSchemasKnowTheValues(t *testing.T) {
	status := schemaOf(t, event.OrderStatusChanged.Type()).Defs["data"].Properties["status"].Enum
	if difference := cmp.Diff(constants(t, "Status"), slices.Sorted(slices.Values(status))); difference != "" {
		t.Errorf("statuses of services/event (-) and of the schema (+):\n%s", difference)
	}
	answer := schemaOf(t, event.CreatingUserResponse.Type()).Defs["data"].Properties
	if want := []string{event.UserCreated, event.UserRejected}; !slices.Equal(want, answer["outcome"].Enum) {
		t.Errorf("outcomes: got %v, want %v", answer["outcome"].Enum, want)
	}
	erasure := schemaOf(t, event.DeletingUserResponse.Type()).Defs["data"].Properties
	if want := []string{event.UserErased}; !slices.Equal(want, erasure["outcome"].Enum) {
		t.Errorf("outcomes of an erasure: got %v, want %v", erasure["outcome"].Enum, want)
	}
	failed := schemaOf(t, event.InventoryStockFailed.Type()).Defs["data"].Properties
	changed := schemaOf(t, event.OrderStatusChanged.Type()).Defs["data"].Properties
	known := slices.Compact(slices.Sorted(slices.Values(slices.Concat(answer["reason"].Examples, failed["reason"].Examples, changed["reason"].Examples))))
	if difference := cmp.Diff(constants(t, "Reason"), known); difference != "" {
		t.Errorf("reasons of services/event (-) and examples of the schemas (+):\n%s", difference)
	}
}

// constants returns the values of the text constants of services/event whose name begins with prefix, sorted.
func constants(t *testing.T, prefix string) (values []string) {
	t.Helper()
	for _, file := range sources(t, "services/event") {
		ast.Inspect(file.file, func(node ast.Node) bool {
			spec, ok := node.(*ast.ValueSpec)
			if !ok {
				return true
			}
			for i, name := range spec.Names {
				if !strings.HasPrefix(name.Name, prefix) || i >= len(spec.Values) {
					continue
				}
				if literal, ok := spec.Values[i].(*ast.BasicLit); ok {
					value, err := strconv.Unquote(literal.Value)
					if err != nil {
						t.Fatal(err)
					}
					values = append(values, value)
				}
			}
			return true
		})
	}
	slices.Sort(values)
	return values
}
