package asyncapi

import (
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const older = `
description: an event
properties:
  type: {const: order.v1}
  data: {$ref: '#/$defs/data'}
$defs:
  data:
    type: object
    required: [id, total]
    properties:
      id: {type: string, format: uuid}
      total: {type: integer, minimum: 0}
      note: {type: string}
      status: {enum: [OPEN, CLOSED]}
      lines: {type: array, items: {type: object, required: [name], properties: {name: {type: string}}}}
channels:
  orders: {address: orders, messages: {Order: {payload: {$ref: schemas/order.json}}}, bindings: {kafka: {partitions: 16}}}
`

func TestBreaks(t *testing.T) {
	for _, tc := range []struct {
		change, from, to string
		breaks           string // the path of the only break; empty for none
	}{
		{"nothing", "", "", ""},
		{"another description", "an event", "one event", ""},
		{"a new optional member", "note: {type: string}", "note: {type: string}\n      extra: {type: string}", ""},
		{"a new optional member of a line", "name: {type: string}", "name: {type: string}, size: {type: integer}", ""},
		{"a new channel", "channels:", "channels:\n  more: {address: more}", ""},
		{"members in another order", "[id, total]", "[total, id]", ""},
		{"the type as a list", "id: {type: string,", "id: {type: [string],", "/$defs/data/properties/id/type"},
		{"a member that is gone", "      note: {type: string}\n", "", "/$defs/data/properties/note"},
		{"a required member that becomes optional", "required: [id, total]", "required: [id]", "/$defs/data/required"},
		{"no required member", "    required: [id, total]\n", "", "/$defs/data/required"},
		{"an optional member that becomes required", "[id, total]", "[id, total, note]", "/$defs/data/required"},
		{"a new required member of a line", "[name]", "[name, size]", "/$defs/data/properties/lines/items/required"},
		{"another type", "total: {type: integer", "total: {type: string", "/$defs/data/properties/total/type"},
		{"a wider type", "note: {type: string}", "note: {type: [string, 'null']}", "/$defs/data/properties/note/type"},
		{"a narrower range", "minimum: 0", "minimum: 1", "/$defs/data/properties/total/minimum"},
		{"a wider range", ", minimum: 0", "", "/$defs/data/properties/total/minimum"},
		{"a new limit", "note: {type: string}", "note: {type: string, maxLength: 10}", "/$defs/data/properties/note/maxLength"},
		{"another format", "format: uuid", "format: uri", "/$defs/data/properties/id/format"},
		{"a new value", "CLOSED]", "CLOSED, LOST]", "/$defs/data/properties/status/enum"},
		{"a value that is gone", "[OPEN, CLOSED]", "[OPEN]", "/$defs/data/properties/status/enum"},
		{"a closed object", "type: object\n", "type: object\n    additionalProperties: false\n", "/$defs/data/additionalProperties"},
		{"another version of the event", "order.v1", "order.v2", "/properties/type/const"},
		{"another topic", "address: orders", "address: order", "/channels/orders/address"},
		{"another schema", "schemas/order.json", "schemas/order.v2.json", "/channels/orders/messages/Order/payload/$ref"},
		{"a channel that is gone", "  orders: {", "  others: {", "/channels/orders"},
		{"other partitions", "partitions: 16", "partitions: 8", "/channels/orders/bindings/kafka/partitions"},
	} {
		t.Run(tc.change, func(t *testing.T) {
			newer := strings.Replace(older, tc.from, tc.to, 1)
			if tc.from != "" && newer == older {
				t.Fatalf("%q is not in the document", tc.from)
			}
			got := Breaks(decode(t, older), decode(t, newer))
			want := func(found string) bool { return strings.HasPrefix(found, tc.breaks+":") }
			if tc.breaks == "" && len(got) > 0 || tc.breaks != "" && (len(got) != 1 || !slices.ContainsFunc(got, want)) {
				t.Errorf("got %q, want %q", got, tc.breaks)
			}
		})
	}
}

func decode(t *testing.T, text string) (value any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	return value
}
