package rules

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"comanda/docs"
)

// apiLimits are the limits of the code, each with every place of docs/openapi.yaml that has it.
var apiLimits = []struct{ file, constant, places string }{
	{"services/order/placement.go", "maxLines", "OrderRequest.items.maxItems Order.items.maxItems"},
	{"services/order/placement.go", "maxQuantity", "OrderRequest.items.items.properties.quantity.maximum OrderLine.quantity.maximum"},
	{"services/order/placement.go", "maxNotes", "OrderRequest.notes.maxLength"},
	{"services/order/placement.go", "maxReason", "CancelRequest.reason.maxLength"},
	{"services/order/placement.go", "maxExpected", "Cents.maximum"},
	{"services/product/product.go", "maxName", "ProductRequest.name.maxLength ProductPatch.name.maxLength"},
	{"services/product/product.go", "maxDescription", "ProductRequest.description.maxLength ProductPatch.description.maxLength"},
	{"services/product/product.go", "maxCategory", "ProductRequest.category.maxLength ProductPatch.category.maxLength " +
		"/paths//api/v1/products/get/parameters/1/schema/maxLength"},
	{"services/product/product.go", "maxPrice", "Price.maximum"},
	{"services/product/product.go", "maxStock", "ProductRequest.stock.maximum"},
	{"services/product/product.go", "maxDelta", "StockRequest.delta.maximum"},
	{"services/product/list.go", "maxQuery", "/paths//api/v1/products/get/parameters/0/schema/maxLength"},
	{"services/auth/registration.go", "maxName", "RegistrationRequest.name.maxLength"},
	{"services/auth/registration.go", "minPassword", "RegistrationRequest.password.minLength PasswordRequest.newPassword.minLength"},
	{"services/auth/registration.go", "maxPassword", "RegistrationRequest.password.maxLength PasswordRequest.newPassword.maxLength"},
	{"services/auth/suspension.go", "maxReason", "StatusOfAccountRequest.reason.maxLength"},
	{"services/user/edit.go", "maxName", "ProfilePatch.name.maxLength"},
	{"services/auth/export.go", "maxExportedSessions", "Export.sessions.maxItems"},
	{"services/internal/validate/email.go", "maxEmail", "Email.maxLength"},
	{"services/internal/validate/address.go", "maxAddressLine",
		"Address.street.maxLength Address.city.maxLength Address.postalCode.maxLength"},
	{"services/internal/rest/idempotency.go", "maxIdempotencyKey", "/components/parameters/IdempotencyKey/schema/maxLength"},
	{"services/internal/rest/page.go", "MaxLimit", "/components/parameters/Limit/schema/maximum " +
		"OrderList.items.maxItems ProductList.items.maxItems ProfileList.items.maxItems AuditTrail.items.maxItems"},
	{"services/internal/rest/page.go", "DefaultLimit", "/components/parameters/Limit/schema/default"},
	{"services/internal/rest/cursor.go", "MaxCursor", "Cursor.maxLength"},
	{"services/internal/rest/entitytag.go", "maxTagsLength", "EntityTags.maxLength"},
}

// A limit has one value, in the code and in the document.
func TestOpenAPIHasTheLimitsOfTheCode(t *testing.T) {
	var document any
	if err := yaml.Unmarshal(docs.OpenAPI, &document); err != nil {
		t.Fatal(err)
	}
	for _, limit := range apiLimits {
		want := constantOf(t, limit.file, limit.constant)
		for place := range strings.FieldsSeq(limit.places) {
			if got := fmt.Sprint(memberOf(document, pathOf(place))); got != want {
				t.Errorf("%s of docs/openapi.yaml: got %s, want %s (%s in %s)", place, got, want, limit.constant, limit.file)
			}
		}
	}
}

// pathOf returns the path of a place: a JSON pointer, in which an empty segment begins a path of the API, or the short form
// Schema.member.keyword.
func pathOf(place string) []string {
	if pointer, ok := strings.CutPrefix(place, "/paths/"); ok {
		path, rest, _ := strings.Cut(pointer, "/get/")
		return append([]string{"paths", path, "get"}, strings.Split(rest, "/")...)
	}
	if pointer, ok := strings.CutPrefix(place, "/"); ok {
		return strings.Split(pointer, "/")
	}
	parts := strings.Split(place, ".")
	path := append([]string{"components", "schemas"}, parts[0])
	if len(parts) > 2 {
		path = append(path, "properties")
	}
	return append(path, parts[1:]...)
}

// memberOf returns the member of a document at a path; nil if there is none.
func memberOf(node any, path []string) any {
	for _, name := range path {
		switch parent := node.(type) {
		case map[string]any:
			node = parent[name]
		case []any:
			if i, err := strconv.Atoi(name); err != nil || i >= len(parent) {
				return nil
			} else {
				node = parent[i]
			}
		default:
			return nil
		}
	}
	return node
}

// constantOf returns the value of a constant in a file.
func constantOf(t *testing.T, file, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), file))
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, text, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, declared := range parsed.Decls {
		group, ok := declared.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, spec := range group.Specs {
			values := spec.(*ast.ValueSpec)
			if len(values.Values) != 1 || values.Names[0].Name != name {
				continue
			}
			value, err := types.Eval(set, nil, token.NoPos, types.ExprString(values.Values[0]))
			if err != nil || value.Value == nil || value.Value.Kind() != constant.Int {
				t.Fatalf("%s: %s is not a number: %v", file, name, err)
			}
			return value.Value.ExactString()
		}
	}
	t.Errorf("%s has no constant %s: update this test's list", file, name)
	return ""
}
