package attack

import (
	"net/http"
	"strings"
	"testing"

	"comanda/tests/client"
	"comanda/tests/scenario"
)

// These endpoints accept a body of exactly their documented limit (docs/http.md), and none that is a byte longer. The gateway and the
// service must agree on the limit.
func TestBodyLimits(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	customer, cook := s.Customer(), s.Staff()
	dish := s.Dish(10, 700)
	order := s.PlaceConfirmed(customer, scenario.Basket(dish, 1))
	const small, medium, large = 4 << 10, 16 << 10, 32 << 10
	for _, tc := range []struct {
		by           *client.Client
		method, path string
		limit        int
	}{
		{s.Anonymous, "POST", "/auth/register", medium},
		{s.Anonymous, "POST", "/auth/login", small},
		{s.Anonymous, "POST", "/auth/refresh", small},
		{s.Anonymous, "POST", "/auth/logout", small},
		{s.Admin, "PUT", "/auth/accounts/" + customer.ID + "/roles", small},
		{customer.Client, "PATCH", "/users/me", medium},
		{s.Admin, "POST", "/products", large},
		{s.Admin, "PATCH", "/products/" + dish.ID, large},
		{cook.Client, "POST", "/products/" + dish.ID + "/stock", small},
		{customer.Client, "POST", "/orders", large},
		{customer.Client, "POST", "/orders/" + order.ID + "/cancel", medium},
		{cook.Client, "POST", "/orders/" + order.ID + "/status", small},
	} {
		for _, size := range []int{tc.limit, tc.limit + 1} {
			// Valid JSON with an unknown member: a body that is read whole is refused with 422.
			body := `{"nothing":1` + strings.Repeat(" ", size-len(`{"nothing":1}`)) + "}"
			got := scenario.Try(tc.by.Do(t.Context(), client.Request{Method: tc.method, Path: tc.path, Body: body})).OrFail(t)
			want := map[bool]int{true: http.StatusUnprocessableEntity, false: http.StatusRequestEntityTooLarge}[size == tc.limit]
			if got.Status != want {
				t.Errorf("%s %s with %d bytes: got %d %.200s, want %d", tc.method, tc.path, size, got.Status, got.Body, want)
			}
		}
	}
}
