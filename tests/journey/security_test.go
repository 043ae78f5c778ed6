package journey

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"comanda/tests/client"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

// The API accepts only unexpired tokens that auth signed for this audience.
func TestForgedTokensAreRefused(t *testing.T) {
	t.Parallel()
	sys := sharedSystem(t)
	s := newScenario(t, sys)
	ana := s.Customer()
	claims := func(change func(jwt.MapClaims)) jwt.MapClaims {
		c := jwt.MapClaims{"iss": "comanda/auth", "aud": []string{"comanda"}, "sub": ana.ID,
			"roles": []string{"customer", "staff", "admin"}, "jti": uuid.NewString(),
			"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()}
		change(c)
		return c
	}
	sign := func(method jwt.SigningMethod, key any, c jwt.MapClaims) string {
		return scenario.Try(jwt.NewWithClaims(method, c).SignedString(key)).OrFail(t)
	}
	hs256 := func(change func(jwt.MapClaims)) string {
		return sign(jwt.SigningMethodHS256, []byte(sys.JWTSecret), claims(change))
	}
	unchanged := claims(func(jwt.MapClaims) {})
	genuine := strings.Split(ana.Session.AccessToken, ".")
	tokens := map[string]string{
		"another secret":  sign(jwt.SigningMethodHS256, []byte(strings.Repeat("x", 40)), unchanged),
		"alg none":        sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, unchanged),
		"another alg":     sign(jwt.SigningMethodHS512, []byte(sys.JWTSecret), unchanged),
		"expired":         hs256(func(c jwt.MapClaims) { c["exp"] = time.Now().Add(-time.Minute).Unix() }),
		"no expiry":       hs256(func(c jwt.MapClaims) { delete(c, "exp") }),
		"another issuer":  hs256(func(c jwt.MapClaims) { c["iss"] = "mallory" }),
		"other audience":  hs256(func(c jwt.MapClaims) { c["aud"] = []string{"bank"} }),
		"no subject":      hs256(func(c jwt.MapClaims) { c["sub"] = "" }),
		"changed":         genuine[0] + "." + withAllRoles(t, genuine[1]) + "." + genuine[2],
		"no signature":    genuine[0] + "." + genuine[1] + ".",
		"no token at all": "nonsense",
	}
	for name, token := range tokens {
		forger := s.Anonymous.As(client.Session{AccessToken: token})
		_, err := forger.Orders(t.Context(), "", client.Page{})
		problem := wantProblem(t, err, http.StatusUnauthorized)
		if !strings.HasPrefix(problem.Header.Get("WWW-Authenticate"), "Bearer") {
			t.Errorf("%s: WWW-Authenticate: got %q, want Bearer", name, problem.Header.Get("WWW-Authenticate"))
		}
		dish := client.NewProduct{Name: "Forged " + name, Category: "tests", PriceCents: 1}
		refused(forger.AddProduct(t.Context(), dish)).want(t, http.StatusUnauthorized)
	}
	if found := scenario.Try(s.Anonymous.Menu(t.Context(), client.Search{Query: "Forged"})).OrFail(t); len(found.Items) != 0 {
		t.Errorf("dishes created with forged tokens: got %+v, want none", found.Items)
	}
}

// withAllRoles returns a token's payload with more roles than auth granted.
func withAllRoles(t *testing.T, part string) string {
	t.Helper()
	raw := scenario.Try(base64.RawURLEncoding.DecodeString(part)).OrFail(t)
	var claims map[string]any
	if err := json.Unmarshal(raw, &claims); err != nil {
		t.Fatal(err)
	}
	claims["roles"] = []string{"customer", "staff", "admin"}
	return base64.RawURLEncoding.EncodeToString(scenario.Try(json.Marshal(claims)).OrFail(t))
}

// A service accepts requests only from its own sidecar, and a sidecar only from its own service. The health endpoints are
// open.
func TestServicesAndSidecarsRequireTheirTokens(t *testing.T) {
	t.Parallel()
	sys := sharedSystem(t)
	s := newScenario(t, sys)
	header := http.Header{"Authorization": {"Bearer " + s.Admin.Session.AccessToken}}
	paths := map[string]string{"auth": "/auth/login", "user": "/users", "order": "/orders", "product": "/products",
		"gateway": "/events/order.status.changed"}
	for _, service := range system.Services {
		pair := sys.Pair(service)
		for _, path := range []string{"/healthz", "/readyz"} {
			if status, body := fetch(t, http.MethodGet, pair.URL+path, nil, ""); status != http.StatusOK {
				t.Errorf("%s%s: got %d, want 200: %s", service, path, status, body)
			}
		}
		status, body := fetch(t, http.MethodPost, pair.URL+paths[service], header, "{}")
		if status != http.StatusUnauthorized && !(service == "gateway" && status == http.StatusNotFound) {
			t.Errorf("%s without the app token: got %d, want 401: %s", service+paths[service], status, body)
		}
		status, body = fetch(t, http.MethodGet, pair.SidecarURL+"/v1.0/metadata", nil, "")
		if status != http.StatusUnauthorized {
			t.Errorf("the sidecar of %s without its token: got %d, want 401: %s", service, status, body)
		}
	}
}

// A service accepts events only from the broker. A service invocation of an event route is refused.
func TestEventRoutesCannotBeInvoked(t *testing.T) {
	t.Parallel()
	sys := sharedSystem(t)
	s := newScenario(t, sys)
	ana, dish := s.Customer(), s.Dish(10, 700)
	order := s.PlaceConfirmed(ana, scenario.Basket(dish, 1))
	for service, topic := range map[string]string{
		"auth": "creating.user.response", "user": "creating.user.cancelled", "order": "inventory.stock.failed",
		"product": "order.status.changed", "gateway": "order.status.changed",
	} {
		forgedEvent := fmt.Sprintf(`{"specversion":"1.0","id":"1","source":"mallory","type":"%s.v1","subject":%q,
			"datacontenttype":"application/json","data":{"orderId":%q,"userId":%q,"version":9,"status":"CANCELLED",
			"outcome":"rejected","reason":"none","shortages":[]}}`, topic, order.ID, order.ID, ana.ID)
		from := "gateway"
		if service == from {
			from = "order"
		}
		url := sys.Pair(from).SidecarURL + "/v1.0/invoke/" + service + "/method/events/" + topic
		for _, forgedCaller := range []string{"", service} {
			header := http.Header{"Dapr-Api-Token": {sys.APIToken}, "Content-Type": {"application/cloudevents+json"}}
			if forgedCaller != "" {
				header.Set("dapr-caller-app-id", forgedCaller)
			}
			status, body := fetch(t, http.MethodPost, url, header, forgedEvent)
			if status != http.StatusForbidden {
				t.Errorf("invoking the event route of %s: got %d, want 403: %s", service, status, body)
			}
		}
	}
	s.WantStock(dish, 9, 1, 0)
	if now := scenario.Try(ana.GetOrder(t.Context(), order.ID, 0)).OrFail(t); now.Status != client.Confirmed {
		t.Errorf("the order after the invoked events: got %s, want CONFIRMED", now.Status)
	}
}

// A client reaches only the gateway's own routes, with any header and any path.
func TestGatewayServesOnlyItsOwnRoutes(t *testing.T) {
	t.Parallel()
	sys := sharedSystem(t)
	s := newScenario(t, sys)
	ana := s.Customer()
	bearer := "Bearer " + ana.Session.AccessToken
	for _, path := range []string{
		"/api/v1/events/order.status.changed", "/api/v1/menu", "/api/v1/products/../orders", "/api/v1/products/%2e%2e/orders",
		"/api/v1/orders%2f..%2fmenu", "/api/v1/products/%", "/v1.0/invoke/order/method/orders", "/api/v1/orders//",
		"/api/v1/http://127.0.0.1/",
		"/api/v1/orders/" + uuid.NewString() + "/history", "/events/order.status.changed",
	} {
		status, body := sendRaw(t, sys.URL, "GET "+path, "Authorization: "+bearer)
		if status < 400 || status >= 500 {
			t.Errorf("%s: got %d, want a 4xx: %s", path, status, body)
		}
	}
	basic := base64.StdEncoding.EncodeToString([]byte("dapr-app-id:user"))
	for _, header := range []string{"dapr-app-id: user", "Authorization: Basic " + basic,
		"dapr-api-token: " + sys.APIToken, "dapr-caller-app-id: order"} {
		if status, body := sendRaw(t, sys.URL, "GET /api/v1/users", header); status != http.StatusUnauthorized {
			t.Errorf("the list of users with %q: got %d, want 401: %s", header, status, body)
		}
	}
}

func TestUnknownMethodsAndRoutesAreRefused(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	answer := scenario.Try(s.Anonymous.Do(t.Context(), client.Request{Method: http.MethodDelete, Path: "/products"})).OrFail(t)
	wantProblem(t, answer.Problem(), http.StatusMethodNotAllowed)
	if allow := answer.Header.Get("Allow"); !strings.Contains(allow, "GET") || !strings.Contains(allow, "POST") {
		t.Errorf("Allow: got %q, want GET and POST", allow)
	}
	answer = scenario.Try(s.Anonymous.Do(t.Context(), client.Request{Method: http.MethodGet, Path: "/nothing"})).OrFail(t)
	wantProblem(t, answer.Problem(), http.StatusNotFound)
}

// fetch sends a request to any URL, without the API client.
func fetch(t testing.TB, method, url string, header http.Header, body string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), scenario.SagaTimeout)
	defer cancel()
	req := scenario.Try(http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))).OrFail(t)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, values := range header {
		req.Header[name] = values
	}
	resp := scenario.Try(http.DefaultClient.Do(req)).OrFail(t)
	defer func() { _ = resp.Body.Close() }()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, strings.TrimSpace(string(text))
}
