package contracts

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/oasdiff/oasdiff/checker"
	"github.com/oasdiff/oasdiff/diff"
	"github.com/oasdiff/oasdiff/load"
)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// alsoBreaking are changes that the package oasdiff considers harmless. But clients also use optional members and headers, since each is
// present in some state of a resource. And they tell problems apart by their status.
var alsoBreaking = []string{checker.ResponseOptionalPropertyRemovedId, checker.OptionalResponseHeaderRemovedId, checker.ResponseNonSuccessStatusRemovedId}

// breaks returns the changes from one document to another that break a client of the older one.
func breaks(t *testing.T, older, newer string) []string {
	t.Helper()
	parse := func(name, text string) *load.SpecInfo {
		info, err := load.NewSpecInfoFromData(openapi3.NewLoader(), []byte(text), name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return info
	}
	report, sources, err := diff.GetWithOperationsSourcesMap(diff.NewConfig(), parse("older", older), parse("newer", newer))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	config := checker.NewConfig(checker.GetAllChecks())
	for _, change := range checker.CheckBackwardCompatibilityUntilLevel(config, report, sources, checker.INFO) {
		if change.IsBreaking() || slices.Contains(alsoBreaking, change.GetId()) {
			text := change.GetUncolorizedText(checker.NewDefaultLocalizer())
			found = append(found, change.GetId()+": "+change.GetOperation()+" "+change.GetPath()+": "+text)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// A change that breaks an older client needs a new path or a new version of the API. docs/released/README.md says how a release
// takes the document over.
func TestDocumentBreaksNoOlderClient(t *testing.T) {
	if found := breaks(t, read(t, "released/openapi.yaml"), read(t, "openapi.yaml")); len(found) > 0 {
		t.Errorf("docs/openapi.yaml breaks clients of docs/released/openapi.yaml:\n  %s", strings.Join(found, "\n  "))
	}
}

func TestWhatBreaksAClient(t *testing.T) {
	document := read(t, "openapi.yaml")
	for _, tc := range []struct {
		change, from, to string
		breaks           string // part of a break; empty for none
	}{
		{"nothing", "", "", ""},
		{"another description", "summary: The menu\n", "summary: All dishes\n", ""},
		{"a new optional request field", "notes: {$ref", "tip: {type: integer}\n        notes: {$ref", ""},
		{"a new response field", "        notes: {type: string}\n", "        notes: {type: string}\n        tip: {type: integer}\n", ""},
		{"a new optional parameter", "        - name: category\n", "        - name: vegan\n          in: query\n          schema: {type: boolean}\n        - name: category\n", ""},
		{"a path that is gone", "  /api/v1/orders/{id}/cancel:\n", "  /api/v1/orders/{id}/drop:\n", "/cancel"},
		{"a method that is gone", "    patch:\n      operationId: editOwnProfile", "    put:\n      operationId: editOwnProfile", "/users/me"},
		{"a status that is gone", "        '201':\n          description: The new order", "        '202':\n          description: The new order", "/orders"},
		{"a problem that is gone", "        '409': {$ref: '#/components/responses/Conflict'}\n", "", "409"},
		{"an optional header that is gone", "            Last-Modified: {$ref: '#/components/headers/LastModified'}\n", "", "Last-Modified"},
		{"a response field that is gone", "        notes: {type: string}\n", "", "notes"},
		{"a response field that becomes optional", "required: [id, customerId, status, items, version,", "required: [id, customerId, status, items,", "version"},
		{"a response field of another type", "reason:\n          type: string\n", "reason:\n          type: integer\n", "reason"},
		{"a new required request field", "required: [items]\n      properties:\n        items:\n          type: array\n          minItems: 1\n", "required: [items, notes]\n      properties:\n        items:\n          type: array\n          minItems: 1\n", "notes"},
		{"a request field that is gone", "        expectedTotalCents:\n", "        limitCents:\n", "expectedTotalCents"},
		{"a request enum that is narrowed", "enum: [PREPARING, READY, OUT_FOR_DELIVERY, DELIVERED]}", "enum: [PREPARING, READY, DELIVERED]}", "OUT_FOR_DELIVERY"},
		{"a lower limit", "maxItems: 50\n          description: Each", "maxItems: 20\n          description: Each", "20"},
		{"a new required parameter", "        - name: category\n          in: query\n", "        - name: category\n          in: query\n          required: true\n", "category"},
		{"a parameter that is gone", "        - name: category\n", "        - name: kind\n", "category"},
		{"a role that is needed", "security: [{}, {accessToken: []}]\n      parameters:\n        - name: query", "security: [{accessToken: []}]\n      parameters:\n        - name: query", "/products"},
	} {
		t.Run(tc.change, func(t *testing.T) {
			newer := strings.Replace(document, tc.from, tc.to, 1)
			if tc.from != "" && newer == document {
				t.Fatalf("%q is not in the document", tc.from)
			}
			found := breaks(t, document, newer)
			hit := slices.ContainsFunc(found, func(text string) bool { return strings.Contains(text, tc.breaks) })
			if tc.breaks == "" && len(found) > 0 || tc.breaks != "" && !hit {
				t.Errorf("got %q, want a break with %q", found, tc.breaks)
			}
		})
	}
}
