package recovery_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"comanda/services/internal/recovery"
	"comanda/services/internal/rest"
	"comanda/services/internal/servicetest"
)

const (
	known   = "0f0f0f0f-0000-4000-8000-000000000001"
	unknown = "0f0f0f0f-0000-4000-8000-000000000002"
	path    = "/reconciliation/orders"
)

func api() servicetest.API {
	return servicetest.NewAPI([]rest.Route{{Method: "GET", Path: path, Caller: "product", Access: rest.Tokenless, QueryLists: []string{"id"},
		Handle: recovery.AnswerStandings(func(_ context.Context, ids []string) (found []recovery.Standing, err error) {
			for _, id := range ids {
				if id == known {
					found = append(found, recovery.Standing{ID: id, Status: "CANCELLED", Reason: "x"})
				}
			}
			return found, nil
		})}}, nil)
}

func TestOnlyTheHolderMayAsk(t *testing.T) {
	for name, tc := range map[string]struct {
		headers []string
		want    int
	}{
		"the holder":      {servicetest.CalledBy("product"), http.StatusOK},
		"the gateway":     {nil, http.StatusForbidden},
		"with two names":  {[]string{"Dapr-Caller-App-Id", "gateway, product"}, http.StatusForbidden},
		"an empty header": {[]string{"Dapr-Caller-App-Id", ""}, http.StatusForbidden},
	} {
		if got := api().Request(t, servicetest.Person{}, "GET", path+"?id="+known, "", tc.headers...); got.Code != tc.want {
			t.Errorf("%s: got %d %s, want %d", name, got.Code, got.Body, tc.want)
		}
	}
	many := strings.Repeat("&id="+known, recovery.MaxStandings+1)
	for _, query := range []string{"id=7", many[1:]} {
		if got := api().Request(t, servicetest.Person{}, "GET", path+"?"+query, "", "Dapr-Caller-App-Id", "product"); got.Code != http.StatusBadRequest {
			t.Errorf("got %d for a bad question, want 400", got.Code)
		}
	}
}

// answering returns an invoker that reaches a service order, which answers with the API, or with body if that is not nil.
func answering(t *testing.T, body *string) rest.Invoker {
	invoker, _ := servicetest.NewInvoker(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body != nil {
			_, _ = io.WriteString(w, *body)
			return
		}
		method, found := strings.CutPrefix(r.URL.RequestURI(), "/v1.0/invoke/order/method")
		if !found || r.Header.Get("Authorization") != "" {
			t.Errorf("got a call of %s with the token %q, want order and none", r.URL, r.Header.Get("Authorization"))
		}
		_, _ = io.WriteString(w, api().Request(t, servicetest.Person{}, r.Method, method, "", "Dapr-Caller-App-Id", "product").Body)
	}))
	return invoker
}

// A response that is no answer must not read as "I know none of them": the holder would give up what it holds.
func TestAskStandingsTellsUnknownFromNoAnswer(t *testing.T) {
	ids := []string{known, unknown}
	got, err := recovery.AskStandings(t.Context(), answering(t, nil), "order", path, ids)
	if err != nil || len(got) != 1 || got[known] != (recovery.Standing{ID: known, Status: "CANCELLED", Reason: "x"}) {
		t.Errorf("got %+v, %v, want one that is CANCELLED", got, err)
	}
	for _, body := range []string{``, `null`, `{}`, `[]`, `{"items":null}`, `{"items":[{"id":"other","status":"CANCELLED"}]}`,
		`{"items":[{"id":"` + known + `"}]}`, `<html>`} {
		if got, err := recovery.AskStandings(t.Context(), answering(t, &body), "order", path, ids); err == nil {
			t.Errorf("%s: got %+v and no error, want one", body, got)
		}
	}
	away, stop := servicetest.NewInvoker(t, http.NotFoundHandler())
	stop()
	if _, err := recovery.AskStandings(t.Context(), away, "order", path, ids); err == nil {
		t.Error("got no error while order is away, want one")
	}
}
