package attack

import (
	"testing"

	"github.com/google/uuid"
)

// A client reaches only the gateway's own routes, with any spelling of a path.
func TestGatewayServesOnlyItsOwnRoutes(t *testing.T) {
	t.Parallel()
	gateway := hostPort(sharedSystem(t).URL)
	bearer := "Authorization: Bearer " + newScenario(t).Customer().Session.AccessToken + "\r\n"
	for _, target := range []string{
		"/api/v1/events/order.status.changed", "/events/order.status.changed", "/api/v1/menu",
		"/api/v1/products/../orders", "/api/v1/products/%2e%2e/orders", "/api/v1/products/..%2forders", "/api/v1/orders%2f..%2fmenu",
		"/api/v1/products/%2e%2e/%2e%2e/v1.0/metadata", "/api/v1/products/%252e%252e/orders", "/api/v1/./orders", "/api/v1/orders/.",
		"/api/v1/products/%", "/api/v1/products/%zz", "/api/v1/products/%00", "/api/v1/orders\\..\\menu", "/api/v1/orders;a=b",
		"/v1.0/invoke/order/method/orders", "/v1.0/metadata", "/v1.0/shutdown", "/api/v1/orders//", "//api/v1/orders",
		"/api/v1/http://127.0.0.1/", "http://127.0.0.1:3500/v1.0/metadata", "/api/v1/orders/" + uuid.NewString() + "/history",
		"/api/v1/%6frders", "/API/V1/orders", "*",
	} {
		for _, method := range []string{"GET", "POST"} {
			statuses := statusesOf(t, gateway, method+" "+target+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n"+bearer+"\r\n")
			if len(statuses) != 1 || statuses[0] < 400 || statuses[0] >= 500 {
				t.Errorf("%s %s: got %v, want one 4xx", method, target, statuses)
			}
		}
	}
}
