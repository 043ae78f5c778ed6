package journey

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"comanda/tests/client"
	"comanda/tests/scenario"
)

// The response to an invalid order names the invalid field, and no order is stored.
func TestInvalidOrdersAreRefused(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ana, dish := s.Customer(), s.Dish(100, 700)
	line := func(quantity string) string {
		return fmt.Sprintf(`{"items":[{"productId":%q,"quantity":%s}]}`, dish.ID, quantity)
	}
	one := fmt.Sprintf(`{"productId":%q,"quantity":1}`, dish.ID)
	const malformed, wrong = http.StatusBadRequest, http.StatusUnprocessableEntity
	for _, test := range []struct {
		name, body string
		status     int
		field      string
	}{
		{"wrong type of quantity", line(`"two"`), wrong, "items[0].quantity"},
		{"quantity not whole", line(`1.5`), wrong, "items[0].quantity"},
		{"wrong type of items", `{"items":"all"}`, wrong, "items"},
		{"wrong type of product", `{"items":[{"productId":7,"quantity":1}]}`, wrong, "items[0].productId"},
		{"wrong type of notes", `{"items":[` + one + `],"notes":[]}`, wrong, "notes"},
		{"missing items", `{}`, wrong, "items"},
		{"no items", `{"items":[]}`, wrong, "items"},
		{"items null", `{"items":null}`, wrong, "items"},
		{"missing quantity", fmt.Sprintf(`{"items":[{"productId":%q}]}`, dish.ID), wrong, "items[0].quantity"},
		{"missing product", `{"items":[{"quantity":1}]}`, wrong, "items[0].productId"},
		{"unknown field", `{"items":[` + one + `],"discount":100}`, wrong, "discount"},
		{"unknown field in a line", fmt.Sprintf(`{"items":[{"productId":%q,"quantity":1,"price":1}]}`, dish.ID), wrong,
			"items[0].price"},
		{"quantity 0", line(`0`), wrong, "items[0].quantity"},
		{"quantity negative", line(`-3`), wrong, "items[0].quantity"},
		{"quantity huge", line(`1000000`), wrong, "items[0].quantity"},
		{"quantity beyond 64 bits", line(`99999999999999999999`), wrong, "items[0].quantity"},
		{"unknown product", fmt.Sprintf(`{"items":[{"productId":%q,"quantity":1}]}`, uuid.NewString()), wrong,
			"items[0].productId"},
		{"product id that is not a UUID", `{"items":[{"productId":"tortilla","quantity":1}]}`, wrong, "items[0].productId"},
		{"duplicate lines", `{"items":[` + one + `,` + one + `]}`, wrong, "items[1].productId"},
		{"too many lines", `{"items":[` + strings.Repeat(one+",", 60) + one + `]}`, wrong, "items"},
		{"notes too long", `{"items":[` + one + `],"notes":"` + strings.Repeat("x", 501) + `"}`, wrong, "notes"},
		{"address incomplete", `{"items":[` + one + `],"deliveryAddress":{"street":"Here 1"}}`, wrong, "deliveryAddress.city"},
		{"malformed JSON", `{"items":[`, malformed, ""},
		{"two JSON values", `{"items":[` + one + `]}{}`, malformed, ""},
		{"empty body", ``, malformed, ""},
		{"bad UTF-8", `{"items":[` + one + `],"notes":"` + "\xff\xfe" + `"}`, malformed, ""},
		{"a list", `[]`, wrong, ""},
		{"null", `null`, wrong, ""},
	} {
		answer := post(t, ana.Client, "/orders", test.body)
		problem := answer.Problem()
		if problem.Status != test.status || problem.Unwrap() != nil || problem.Type == "" {
			t.Errorf("%s: got %d %s, want a %d", test.name, answer.Status, answer.Body, test.status)
		}
		if test.field != "" && !slices.Contains(problem.Fields(), test.field) {
			t.Errorf("%s: invalid fields: got %v, want %s", test.name, problem.Fields(), test.field)
		}
	}
	if all := scenario.Try(ana.Orders(t.Context(), "", client.Page{})).OrFail(t); len(all.Items) != 0 {
		t.Errorf("stored orders: got %d, want 0", len(all.Items))
	}
	s.WantStock(dish, 100, 0, 0)
}

// A body of more than 32 KiB gets a 413. A body whose Content-Type is not JSON gets a 415.
func TestLargeBodiesAndOtherContentTypesAreRefused(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ana, dish := s.Customer(), s.Dish(100, 700)
	large := fmt.Sprintf(`{"items":[{"productId":%q,"quantity":1}],"notes":%q}`, dish.ID, strings.Repeat("x", 32<<10))
	answer := post(t, ana.Client, "/orders", large)
	wantProblem(t, answer.Problem(), http.StatusRequestEntityTooLarge)

	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""} {
		answer := scenario.Try(ana.Do(t.Context(), client.Request{Method: http.MethodPost, Path: "/orders",
			Body: scenario.Basket(dish, 1), Header: http.Header{"Content-Type": {kind}}})).OrFail(t)
		wantProblem(t, answer.Problem(), http.StatusUnsupportedMediaType)
	}
	if all := scenario.Try(ana.Orders(t.Context(), "", client.Page{})).OrFail(t); len(all.Items) != 0 {
		t.Errorf("stored orders: got %d, want 0", len(all.Items))
	}
}

func TestInvalidRegistrationsAreRefused(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	changed := func(change func(map[string]any)) map[string]any {
		person := scenario.NewPerson()
		body := map[string]any{"email": person.Email, "password": person.Password, "name": person.Name}
		change(body)
		return body
	}
	set := func(name string, value any) map[string]any {
		return changed(func(body map[string]any) { body[name] = value })
	}
	for _, test := range []struct {
		name, field string
		body        map[string]any
	}{
		{"no e-mail", "email", changed(func(b map[string]any) { delete(b, "email") })},
		{"a malformed e-mail", "email", set("email", "ana at example.com")},
		{"an e-mail that is too long", "email", set("email", strings.Repeat("a", 300)+"@example.com")},
		{"an e-mail that is a number", "email", set("email", 5)},
		{"no password", "password", changed(func(b map[string]any) { delete(b, "password") })},
		{"a short password", "password", set("password", "short")},
		{"a password that is too long", "password", set("password", strings.Repeat("x", 5000))},
		{"a common password", "password", set("password", "12345678")},
		{"a password of spaces", "password", set("password", "        ")},
		{"the e-mail as password", "password", changed(func(b map[string]any) { b["password"] = b["email"] })},
		{"a quoted e-mail", "email", set("email", `"ana"@example.com`)},
		{"an invisible name", "name", set("name", "\u200b\u3164\u2800")},
		{"a name that overrides the direction", "name", set("name", "Ana\u202e")},
		{"a country that does not exist", "address.country",
			set("address", map[string]string{"street": "a", "city": "b", "postalCode": "c", "country": "XX"})},
		{"no name", "name", changed(func(b map[string]any) { delete(b, "name") })},
		{"a blank name", "name", set("name", "   ")},
		{"a name that is too long", "name", set("name", strings.Repeat("x", 1000))},
		{"a malformed phone", "phone", set("phone", "ask me")},
		{"roles chosen by the client", "roles", set("roles", []string{"admin"})},
	} {
		answer := post(t, s.Anonymous, "/auth/register", test.body)
		wantInvalidField(t, test.name, answer, test.field)
		if email, ok := test.body["email"].(string); ok {
			if err := checkNotStored(t, s, email); err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
		}
	}
	for _, body := range []string{`{`, `{"email":"` + "\xff" + `"}`, `{"name":"gracias \ud83d"}`, `{"\ude00":1}`} {
		answer := post(t, s.Anonymous, "/auth/register", body)
		wantProblem(t, answer.Problem(), http.StatusBadRequest)
	}
}

// wantInvalidField checks that the response is a 422 that names this field. input describes the request.
func wantInvalidField(t testing.TB, input string, answer client.Response, field string) {
	t.Helper()
	problem := answer.Problem()
	if problem.Status != http.StatusUnprocessableEntity || !slices.Contains(problem.Fields(), field) {
		t.Errorf("%s: got %d %s, want a 422 for %s", input, answer.Status, answer.Body, field)
	}
}

// checkNotStored checks that a registration was not stored: a login gets the response for an unknown e-mail, not the one for
// an inactive account.
func checkNotStored(t testing.TB, s *scenario.Scenario, email string) error {
	answer, err := s.Anonymous.Do(t.Context(), client.Request{Method: http.MethodPost, Path: "/auth/login",
		Body: map[string]string{"email": email, "password": "short"}})
	if err == nil && answer.Status != http.StatusUnauthorized && answer.Status != http.StatusUnprocessableEntity {
		err = fmt.Errorf("the account was stored: login: got %d, want 401 or 422", answer.Status)
	}
	return err
}

func TestInvalidProductsAreRefused(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	for field, body := range map[string]string{
		"name":       `{"category":"tests","priceCents":100}`,
		"category":   `{"name":"X","priceCents":100}`,
		"priceCents": `{"name":"X","category":"tests","priceCents":-1}`,
		"stock":      `{"name":"X","category":"tests","priceCents":100,"stock":-1}`,
		"currency":   `{"name":"X","category":"tests","priceCents":100,"currency":"euros"}`,
		"sold":       `{"name":"X","category":"tests","priceCents":100,"sold":5}`,
	} {
		answer := post(t, s.Admin, "/products", body)
		wantInvalidField(t, body, answer, field)
	}
}

func TestInvalidIdempotencyKeysAreRefused(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ana, dish := s.Customer(), s.Dish(100, 700)
	for _, key := range []string{"", strings.Repeat("k", 201), "schlüssel"} {
		refused(ana.OrderOnce(t.Context(), key, scenario.Basket(dish, 1))).want(t, http.StatusBadRequest)
	}
}
