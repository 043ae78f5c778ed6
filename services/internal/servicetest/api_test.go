package servicetest_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"comanda/services/event"
	"comanda/services/internal/consumer"
	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/token"
)

func TestRequestSendsTheCallerAndDecodesTheResponse(t *testing.T) {
	api := servicetest.NewAPI([]rest.Route{
		{Method: "GET", Path: "/me", Access: rest.Only(token.Staff), Handle: func(w http.ResponseWriter, r *http.Request) error {
			return rest.JSON(w, http.StatusOK, map[string]string{"header": r.Header.Get("Prefer")})
		}},
		{Method: "GET", Path: "/wrong", Access: rest.Anyone, Handle: func(http.ResponseWriter, *http.Request) error {
			return fault.Wrong("name", "is wrong")
		}},
	}, nil)
	staff := servicetest.Person{ID: "0c000000-0000-4000-8000-000000000001", Roles: []string{token.Staff}}
	if got := api.Request(t, staff, "GET", "/me", "", "Prefer", "wait=1"); got.Code != 200 || got.Text("header") != "wait=1" {
		t.Errorf("staff: got %d %s, want 200 with the header", got.Code, got.Body)
	}
	if got := api.Request(t, servicetest.Person{}, "GET", "/me", ""); got.Code != 401 {
		t.Errorf("no caller: got %d, want 401", got.Code)
	}
	if got := api.Request(t, staff, "GET", "/wrong", ""); got.Code != 422 || got.Fields() != "name" {
		t.Errorf("invalid field: got %d and fields %q, want 422 and name", got.Code, got.Fields())
	}
}

func TestRequestFailsUnlessTheResponseIsJSON(t *testing.T) {
	for name, tc := range map[string]struct {
		code   int
		body   string
		failed bool
	}{
		"object":        {200, `{}`, false},
		"no content":    {204, ``, false},
		"empty":         {200, ``, true},
		"text":          {500, `broken`, true},
		"cut off":       {200, `{"id":`, true},
		"not an object": {200, `[]`, true},
	} {
		test := &recorder{TB: t}
		api := servicetest.API{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tc.code)
			_, _ = w.Write([]byte(tc.body))
		})}
		api.Request(test, servicetest.Person{}, "GET", "/", "")
		if test.failed != tc.failed {
			t.Errorf("%s: got failed %t, want %t", name, test.failed, tc.failed)
		}
	}
}

func TestDeliverReturnsTheStatusForTheSidecar(t *testing.T) {
	for want, err := range map[string]error{
		"SUCCESS": nil, "RETRY": errors.New("boom"), "DROP": consumer.Reject(errors.New("never")),
	} {
		var received event.OrderStatus
		api := servicetest.NewAPI(nil, []consumer.Route{consumer.On(event.OrderStatusChanged,
			func(_ context.Context, e event.Received[event.OrderStatus]) error { received = e.Data; return err })})
		got := servicetest.Deliver(t, api, event.OrderStatusChanged, event.OrderStatus{OrderID: "o1"})
		if got != want || received.OrderID != "o1" {
			t.Errorf("got %s and order %q, want %s and o1", got, received.OrderID, want)
		}
	}
}

func TestClockMovesOnlyWhenAdvanced(t *testing.T) {
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	clock := servicetest.NewClock(noon)
	clock.Advance(time.Second)
	if got := clock.Now(); !got.Equal(noon.Add(time.Second)) {
		t.Errorf("got %s, want a second after noon", got)
	}
}
