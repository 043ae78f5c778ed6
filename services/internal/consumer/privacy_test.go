package consumer_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/mux"

	"comanda/services/event"
	"comanda/services/internal/consumer"
	"comanda/services/internal/servicetest"
)

// An event that another program has published may carry personal data as its type and subject. Logs must not hold it.
func TestLogsNameASubjectOnlyIfItIsAnID(t *testing.T) {
	const id = "8d4513f8-222d-5156-93d1-666447e36c4c"
	var logs bytes.Buffer
	router := mux.NewRouter()
	fail := func(context.Context, event.Received[event.OrderStatus]) error { return errors.New("failed") }
	consumer.Register(router, slog.New(slog.NewTextHandler(&logs, nil)), consumer.Table{Keys: servicetest.EventKeys, Routes: []consumer.Route{consumer.On(event.OrderStatusChanged, fail)}}, nil)
	for _, body := range []string{
		`{"id":"e","type":"order.status.changed.v1","subject":"ana@example.com","data":{}}`,
		`{"id":"e","type":"ana@example.com","subject":"ana@example.com","data":{}}`,
		`{"id":"e","type":"order.status.changed.v1","subject":"` + id + `","data":{}}`,
	} {
		router.ServeHTTP(httptest.NewRecorder(), post(path, body))
	}
	if got := logs.String(); strings.Contains(got, "ana@") || !strings.Contains(got, id) {
		t.Errorf("got the logs %s, want the id and no e-mail", got)
	}
}
