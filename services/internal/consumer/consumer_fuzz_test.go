package consumer_test

import (
	"context"
	"net/http"
	"testing"

	"comanda/services/event"
)

// FuzzEvent looks for a body that a consumer neither handles nor makes a dead letter: it would be retried without end.
func FuzzEvent(f *testing.F) {
	for _, seed := range []string{envelope(f, "order.status.changed.v1", `{"orderId":"o1"}`), envelope(f, "another", `{}`),
		envelope(f, "order.status.changed.v1", `[]`), `{"type":7}`, `null`, "\xff", `{"type":"order.status.changed.v1","data":1e999}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		handled := false
		handle := func(context.Context, event.Received[event.OrderStatus]) error { handled = true; return nil }
		code, status := send(t, handle, post(path, body))
		if want := map[bool]string{true: "SUCCESS", false: "DROP"}[handled]; code != http.StatusOK || status != want {
			t.Fatalf("%q: got %d %s, want %s", body, code, status, want)
		}
	})
}
