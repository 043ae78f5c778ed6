package attack

import (
	"net/http"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"comanda/docs"
	"comanda/tests/client"
	"comanda/tests/scenario"
)

// readByAnyone are the operations with an id that need no other right than to know the id.
var readByAnyone = map[string]bool{
	"GET /auth/registrations/{userId}": true, "GET /auth/erasures/{userId}": true, "GET /products/{id}": true,
}

// Every operation of docs/openapi.yaml with an id in its path, except readByAnyone, refuses a customer who does not own the resource,
// and a client without a token. It changes nothing, and the refusal tells nothing about the resource.
func TestNoRouteWithAnIDServesAStranger(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	ana, stranger, dish := s.Customer(), s.Customer(), s.Dish(10, 700)
	order := s.PlaceConfirmed(ana, scenario.Basket(dish, 1))
	var document struct {
		Paths map[string]map[string]yaml.Node
	}
	if err := yaml.Unmarshal(docs.OpenAPI, &document); err != nil {
		t.Fatal(err)
	}
	tried := 0
	for path, item := range document.Paths {
		path, ours := strings.CutPrefix(path, "/api/v1")
		if !ours || !strings.Contains(path, "{") {
			continue
		}
		id := ana.ID
		switch {
		case strings.HasPrefix(path, "/orders"):
			id = order.ID
		case strings.HasPrefix(path, "/products"):
			id = dish.ID
		}
		for method := range item {
			method = strings.ToUpper(method)
			if method == "PARAMETERS" || readByAnyone[method+" "+path] {
				continue
			}
			tried++
			request := client.Request{Method: method, Path: strings.NewReplacer("{id}", id, "{userId}", id).Replace(path)}
			if method != http.MethodGet && method != http.MethodDelete {
				request.Body = bodyFor(path)
			}
			for name, caller := range map[string]*client.Client{"a stranger": stranger.Client, "a client without a token": s.Anonymous} {
				answer := scenario.Try(caller.Do(t.Context(), request)).OrFail(t)
				if answer.Status != http.StatusNotFound && answer.Status != http.StatusForbidden && answer.Status != http.StatusUnauthorized {
					t.Errorf("%s %s by %s: got %d %s, want a refusal", method, path, name, answer.Status, answer.Body)
				}
				if body := string(answer.Body); strings.Contains(body, ana.Person.Email) || strings.Contains(body, order.ID) && !strings.Contains(path, "/orders") {
					t.Errorf("%s %s by %s: the refusal tells about the resource: %s", method, path, name, body)
				}
			}
		}
	}
	if tried < 10 {
		t.Errorf("tried %d operations, want at least 10", tried)
	}
	if now := scenario.Try(ana.GetOrder(t.Context(), order.ID, 0)).OrFail(t); now.Status != client.Confirmed {
		t.Errorf("the order after the stranger's requests: got %s, want CONFIRMED", now.Status)
	}
	s.WantStock(dish, 9, 1, 0)
}

// bodyFor returns a valid body for the operations at path.
func bodyFor(path string) map[string]any {
	switch path[strings.LastIndex(path, "/")+1:] {
	case "stock":
		return map[string]any{"delta": 1}
	case "roles":
		return map[string]any{"roles": []string{"customer", "admin"}}
	case "status":
		return map[string]any{"status": "PREPARING"}
	case "cancel":
		return map[string]any{}
	case "phone-verification":
		return map[string]any{"phone": "+34600111222"}
	}
	return map[string]any{"name": "Changed"}
}
