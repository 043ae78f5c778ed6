package consumer_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/gorilla/mux"

	"comanda/services/event"
	"comanda/services/internal/consumer"
	"comanda/services/internal/servicetest"
)

// letters is a consumer.DeadLetters that keeps the arguments of its calls.
type letters struct {
	mu       sync.Mutex
	giveUp   bool
	attempts []consumer.Attempt
	stored   []consumer.Record
	err      error
}

func (l *letters) RecordAttempt(_ context.Context, attempt consumer.Attempt) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.attempts = append(l.attempts, attempt)
	return l.giveUp
}

func (l *letters) Store(_ context.Context, record consumer.Record) error {
	l.stored = append(l.stored, record)
	return l.err
}

// The service records each attempt before it answers the sidecar, and can give the event up. It records no attempt of a forged event, whose
// id cannot be trusted.
func TestAttemptsAreRecordedBeforeTheSidecarIsAnswered(t *testing.T) {
	good := envelope(t, "order.status.changed.v1", `{"orderId":"o1"}`)
	for name, tc := range map[string]struct {
		body    string
		err     error
		giveUp  bool
		want    string
		records int
	}{
		"handled":                  {good, nil, false, "SUCCESS", 1},
		"handled, though given up": {good, nil, true, "SUCCESS", 1},
		"failed":                   {good, errors.New("boom"), false, "RETRY", 1},
		"given up":                 {good, errors.New("boom"), true, "DROP", 1},
		"rejected":                 {good, consumer.Reject(errors.New("never")), false, "DROP", 1},
		"forged":                   {withSignature("order.status.changed.v1", `{}`, "x"), nil, false, "DROP", 0},
	} {
		l := &letters{giveUp: tc.giveUp}
		got := deliverTo(t, l, tc.err, path, tc.body, nil)
		if got != tc.want || len(l.attempts) != tc.records {
			t.Errorf("%s: got %s and the attempts %+v, want %s and %d attempts", name, got, l.attempts, tc.want, tc.records)
			continue
		}
		if tc.records > 0 && (l.attempts[0].EventID != "e1" || l.attempts[0].Topic != "order.status.changed" || !errors.Is(l.attempts[0].Err, tc.err)) {
			t.Errorf("%s: got %+v, want the event and its error", name, l.attempts[0])
		}
	}
}

// A dead letter is stored unchanged, and delivered again until it is stored.
func TestDeadLettersAreStoredUnchanged(t *testing.T) {
	record := "\x00 no event \xff"
	body := fmt.Sprintf(`{"id":"x","type":"com.dapr.event.sent","data_base64":%q}`, base64.StdEncoding.EncodeToString([]byte(record)))
	for _, tc := range []struct {
		err  error
		want string
	}{{nil, "SUCCESS"}, {errors.New("the database is away"), "RETRY"}, {consumer.Reject(errors.New("never")), "RETRY"}} {
		l := &letters{err: tc.err}
		got := deliverTo(t, l, nil, consumer.StorePath, body, map[string]string{"__topic": "a.b", "__key": "k%0A+%FF"})
		if got != tc.want || len(l.stored) != 1 || string(l.stored[0].Payload) != record || l.stored[0].Topic != "a.b" || l.stored[0].Key != "k\n \xff" {
			t.Errorf("got %s and %+q, want %s and the record", got, l.stored, tc.want)
		}
	}
	l := &letters{}
	if deliverTo(t, l, nil, consumer.StorePath, "not wrapped", nil); len(l.stored) != 1 || string(l.stored[0].Payload) != "not wrapped" {
		t.Errorf("got %+q, want what arrived", l.stored)
	}
}

// deliverTo delivers body to a service whose handler returns err, and returns the status for the sidecar.
func deliverTo(t *testing.T, l *letters, err error, at, body string, headers map[string]string) string {
	t.Helper()
	router := mux.NewRouter()
	route := consumer.On(event.OrderStatusChanged, func(context.Context, event.Received[event.OrderStatus]) error { return err })
	consumer.Register(router, slog.New(slog.DiscardHandler), consumer.Table{Keys: servicetest.EventKeys, Routes: []consumer.Route{route}}, l)
	r := post(at, body)
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	router.ServeHTTP(w, r)
	return statusIn(t, w.Body.Bytes())
}

// statusIn returns the status in a response for the sidecar.
func statusIn(t *testing.T, body []byte) string {
	t.Helper()
	var answer struct{ Status string }
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return answer.Status
}
