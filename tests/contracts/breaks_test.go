package contracts

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// docs is the folder of the documents.
const docs = "../../docs"

func TestNoClientOfTheReleaseBreaks(t *testing.T) {
	breaks, err := Breaks(read(t, "released/openapi.yaml"), read(t, "openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range breaks {
		t.Errorf("docs/openapi.yaml breaks a client of docs/released/openapi.yaml: %s", found)
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(docs, name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// place is the path of a member in a document, such as components/schemas/Order.
type place string

const (
	schemas place = "components|schemas|"
	orders  place = "paths|/api/v1/orders|"
	order   place = "paths|/api/v1/orders/{id}|"
)

// change edits a document. A nil value removes the member.
type change struct {
	at    place
	value any
}

func TestBreaks(t *testing.T) {
	text := map[string]any{"type": "string"}
	for name, tc := range map[string]struct {
		change
		want string // part of the break; empty for none
	}{
		"nothing":                         {change{"info|title", "Comanda"}, ""},
		"another description":             {change{"info|description", "x"}, ""},
		"a new path":                      {change{"paths|/api/v1/new", map[string]any{"get": map[string]any{"operationId": "x", "responses": map[string]any{"200": map[string]any{"description": "x"}}}}}, ""},
		"a new optional request member":   {change{schemas + "NewOrder|properties|tip", map[string]any{"type": "integer"}}, ""},
		"a new response member":           {change{schemas + "Order|properties|tip", map[string]any{"type": "integer"}}, ""},
		"a new optional parameter":        {change{orders + "get|parameters|0", map[string]any{"name": "x", "in": "query", "schema": text}}, "status"},
		"a removed path":                  {change{"paths|/api/v1/orders/{id}/cancel", nil}, "cancel"},
		"a removed method":                {change{"paths|/api/v1/users/me|patch", nil}, "PATCH"},
		"a removed success":               {change{orders + "post|responses|200", nil}, "200"},
		"a removed problem":               {change{orders + "post|responses|422", nil}, "422"},
		"a removed optional header":       {change{orders + "post|responses|201|headers|Last-Modified", nil}, "Last-Modified"},
		"a removed required member":       {change{schemas + "Order|properties|version", nil}, "version"},
		"a removed optional member":       {change{schemas + "Order|properties|reason", nil}, "reason"},
		"a removed nested member":         {change{schemas + "OrderLine|properties|quantity", nil}, "quantity"},
		"a member that may be absent":     {change{schemas + "Order|required", []any{"id"}}, "optional"},
		"a member of another type":        {change{schemas + "Order|properties|totalCents|type", "string"}, "type"},
		"a member that may be null":       {change{schemas + "Order|properties|totalCents|type", []any{"integer", "null"}}, "totalCents"},
		"a new required request member":   {change{schemas + "NewOrder|required", []any{"items", "notes"}}, "notes"},
		"a removed request member":        {change{schemas + "NewOrder|properties|notes", nil}, "notes"},
		"a shorter text":                  {change{schemas + "NewOrder|properties|notes|maxLength", 100}, "100"},
		"a smaller number":                {change{schemas + "NewProduct|properties|priceCents|maximum", 100}, "100"},
		"fewer lines":                     {change{schemas + "NewOrder|properties|items|maxItems", 10}, "10"},
		"a narrowed enum of a request":    {change{schemas + "NextStatus|properties|status|enum", []any{"PREPARING", "READY"}}, "DELIVERED"},
		"a narrowed enum of a parameter":  {change{schemas + "OrderStatus|enum", []any{"PENDING", "CONFIRMED"}}, "DELIVERED"},
		"a new value in a response":       {change{schemas + "AccountStatus|enum", []any{"PENDING", "ACTIVE", "REJECTED", "LOST"}}, "LOST"},
		"a new required parameter":        {change{orders + "get|parameters|0|required", true}, "required"},
		"a removed parameter":             {change{order + "get|parameters|1", nil}, "Prefer"},
		"a new limit of a parameter":      {change{"components|parameters|Limit|schema|maximum", 50}, "50"},
		"a removed header":                {change{orders + "post|responses|201|headers|Location", nil}, "Location"},
		"an optional header":              {change{"components|headers|ETag|required", false}, "ETag"},
		"another media type":              {change{order + "get|responses|200|content", map[string]any{"text/plain": map[string]any{"schema": text}}}, "media type"},
		"another role":                    {change{order + "get|security", []any{map[string]any{"other": []any{}}}}, "security"},
		"a body that becomes required":    {change{"paths|/api/v1/orders/{id}/cancel|post|requestBody|required", true}, "required"},
		"a member of an item of the list": {change{schemas + "OrderList|properties|items|items", map[string]any{"type": "string"}}, "items"},
	} {
		t.Run(name, func(t *testing.T) {
			older := read(t, "openapi.yaml")
			got, err := Breaks(older, edit(t, older, tc.change))
			if err != nil {
				t.Fatal(err)
			}
			all := strings.Join(got, "\n")
			if tc.want == "" && len(got) > 0 || tc.want != "" && !strings.Contains(all, tc.want) {
				t.Errorf("got breaks %q, want %q", all, tc.want)
			}
		})
	}
}

// edit returns text with a change.
func edit(t *testing.T, text []byte, c change) []byte {
	t.Helper()
	var document any
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	path := strings.Split(string(c.at), "|")
	if !set(document, path, c.value) {
		t.Fatalf("the document has no %s", c.at)
	}
	edited, err := yaml.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return edited
}

// set sets or removes a member. It reports whether the objects on the way exist, and the member that it removes.
func set(node any, path []string, value any) bool {
	last := len(path) == 1
	switch node := node.(type) {
	case map[string]any:
		next, found := node[path[0]]
		switch {
		case !last:
			return set(next, path[1:], value)
		case value == nil:
			delete(node, path[0])
			return found
		}
		node[path[0]] = value
		return true
	case []any:
		i := int(path[0][0] - '0')
		if i >= len(node) {
			return false
		}
		switch {
		case !last:
			return set(node[i], path[1:], value)
		case value == nil: // another name instead: the list would have to be replaced
			node[i] = node[0]
			return true
		}
		node[i] = value
		return true
	}
	return false
}
