package consumer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/mux"

	"comanda/services/event"
	"comanda/services/internal/consumer"
	"comanda/services/internal/rest"
	"comanda/services/internal/servicetest"
)

const kind = "order.status.changed.v1"

// groupOf returns the body of a group whose entries have the ids 0, 1, ...
func groupOf(events ...string) string {
	var entries []string
	for i, e := range events {
		entries = append(entries, fmt.Sprintf(`{"entryId":"%d","contentType":"application/cloudevents+json","metadata":{"traceparent":""},"event":%s}`, i, e))
	}
	return `{"id":"g","path":"` + path + `","type":"com.dapr.event.sent.bulk","entries":[` + strings.Join(entries, ",") + `]}`
}

func postGroup(body string) *http.Request {
	r := post(path, body)
	r.Header.Set("Content-Type", "application/json")
	return r
}

// ungroup returns the event routes of a service with one topic, as package server does it.
func ungroup(handle func(context.Context, event.Received[event.OrderStatus]) error, letters consumer.DeadLetters) http.Handler {
	router, log := mux.NewRouter(), slog.New(slog.DiscardHandler)
	consumer.Register(router, log, consumer.Table{Keys: servicetest.EventKeys, Routes: []consumer.Route{consumer.On(event.OrderStatusChanged, handle)}}, letters)
	return consumer.Ungroup(log, router)
}

// statuses decodes the statuses of a group, by entry id.
func statuses(t *testing.T, w *httptest.ResponseRecorder) map[string]string {
	t.Helper()
	var answer struct {
		Statuses []struct{ EntryID, Status string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusOK {
		t.Fatalf("got %d %s (%v), want 200 with statuses", w.Code, w.Body, err)
	}
	found := map[string]string{}
	for _, s := range answer.Statuses {
		if found[s.EntryID] != "" {
			t.Errorf("entry %s has two statuses", s.EntryID)
		}
		found[s.EntryID] = s.Status
	}
	return found
}

// Each event of a group has the status that it would have by itself.
func TestEachEventOfAGroupHasItsOwnStatus(t *testing.T) {
	event0 := func(order string) string { return envelope(t, kind, `{"orderId":"`+order+`"}`) }
	events := map[string]string{"0": event0("fine"), "1": event0("failed"), "2": event0("rejected"), "3": event0("panics"), "4": event0("aborts"),
		"5": withSignature(kind, `{"orderId":"forged"}`, "x"), "6": `[]`, "7": envelope(t, kind, `{"orderId":7}`), "8": event0("fine")}
	want := map[string]string{"0": "SUCCESS", "1": "RETRY", "2": "DROP", "3": "RETRY", "4": "RETRY", "5": "DROP", "6": "DROP", "7": "DROP", "8": "SUCCESS"}
	handler := ungroup(func(_ context.Context, e event.Received[event.OrderStatus]) error {
		switch e.Data.OrderID {
		case "failed":
			return errors.New("boom")
		case "rejected":
			return consumer.Reject(errors.New("never"))
		case "panics":
			panic("boom")
		case "aborts":
			panic(http.ErrAbortHandler)
		case "forged":
			t.Error("a forged event was handled")
		}
		return nil
	}, nil)
	var all []string
	for i := range len(events) {
		all = append(all, events[fmt.Sprint(i)])
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, postGroup(groupOf(all...)))
	if got := statuses(t, w); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Each event of a group has the time limit of an event by itself.
func TestAnEventOfAGroupThatHangsIsRetried(t *testing.T) {
	hangs, fine := envelope(t, kind, `{"orderId":"hangs"}`), envelope(t, kind, `{"orderId":"fine"}`)
	synctest.Test(t, func(t *testing.T) {
		start, w := time.Now(), httptest.NewRecorder()
		ungroup(func(ctx context.Context, e event.Received[event.OrderStatus]) error {
			if e.Data.OrderID == "hangs" {
				<-ctx.Done()
			}
			return ctx.Err()
		}, nil).ServeHTTP(w, postGroup(groupOf(hangs, fine)))
		if got := statuses(t, w); got["0"] != "RETRY" || got["1"] != "SUCCESS" || time.Since(start) != rest.RequestTimeout {
			t.Errorf("got %v after %v, want RETRY and SUCCESS after %v", got, time.Since(start), rest.RequestTimeout)
		}
	})
}

// An event arrives as its publisher has written it, because the signature covers its bytes.
func TestAnEventOfAGroupIsUnchanged(t *testing.T) {
	data := `{ "orderId" : "\u00e1<&>",  "version": 1 }`
	signed := envelope(t, kind, data)
	w := httptest.NewRecorder()
	ungroup(func(_ context.Context, e event.Received[event.OrderStatus]) error {
		if e.Data.OrderID != "á<&>" {
			t.Errorf("got the data %+v", e.Data)
		}
		return nil
	}, nil).ServeHTTP(w, postGroup(groupOf(signed, signed)))
	if got := statuses(t, w); got["0"] != "SUCCESS" || got["1"] != "SUCCESS" {
		t.Errorf("got %v, want SUCCESS twice", got)
	}
}

// The sidecar then sends each event by itself.
func TestInvalidGroupsAreRefused(t *testing.T) {
	good := envelope(t, kind, `{"orderId":"o1"}`)
	handler := ungroup(func(context.Context, event.Received[event.OrderStatus]) error {
		t.Error("an event of an invalid group was handled")
		return nil
	}, nil)
	for name, tc := range map[string]struct{ body, detail string }{
		"empty":           {``, "must be JSON"},
		"no JSON":         {`{"entries":[`, "must be JSON"},
		"no object":       {`[]`, "must be JSON"},
		"no entries":      {`{}`, "1 to 256 events"},
		"an empty list":   {`{"entries":[]}`, "1 to 256 events"},
		"no list":         {`{"entries":7}`, "must be JSON"},
		"an empty entry":  {`{"entries":[{},{"entryId":"1","event":` + good + `}]}`, "must have an event"},
		"no event":        {`{"entries":[{"entryId":"1"}]}`, "must have an event"},
		"no id":           {`{"entries":[{"event":` + good + `}]}`, "an entryId of its own"},
		"the same id":     {`{"entries":[{"entryId":"1","event":` + good + `},{"entryId":"1","event":` + good + `}]}`, "an entryId of its own"},
		"wrong metadata":  {`{"entries":[{"entryId":"1","event":` + good + `,"metadata":{"traceparent":7}}]}`, "must be JSON"},
		"too many":        {groupOf(slices.Repeat([]string{good}, 257)...), "1 to 256 events"},
		"too many, empty": {`{"entries":[` + strings.Repeat(`{},`, 1<<20) + `{}]}`, "1 to 256 events"},
		"too large":       {groupOf(`"` + strings.Repeat("x", 5<<20) + `"`), "at most 4194304 bytes"},
	} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, postGroup(tc.body))
		var problem struct{ Detail string }
		if err := json.Unmarshal(w.Body.Bytes(), &problem); w.Code != http.StatusBadRequest || err != nil || !strings.Contains(problem.Detail, tc.detail) {
			t.Errorf("%s: got %d %.200s, want 400 with %q", name, w.Code, w.Body, tc.detail)
		}
	}
}

func TestTheLargestGroupIsHandled(t *testing.T) {
	good := envelope(t, kind, `{"orderId":"o1"}`)
	w := httptest.NewRecorder()
	handler := ungroup(func(context.Context, event.Received[event.OrderStatus]) error { return nil }, nil)
	handler.ServeHTTP(w, postGroup(groupOf(slices.Repeat([]string{good}, 256)...)))
	if got := statuses(t, w); len(got) != 256 {
		t.Errorf("got %d statuses, want 256", len(got))
	}
}

// A group is not a way around the refusal of invocations, which another service sends.
func TestAnInvocationWithAGroupIsRefused(t *testing.T) {
	good := envelope(t, kind, `{"orderId":"o1"}`)
	for _, header := range []string{"Dapr-Caller-App-Id", "Dapr-Caller-Namespace", "Dapr-Callee-App-Id"} {
		r := postGroup(groupOf(good, good))
		r.Header[header] = []string{""}
		w := httptest.NewRecorder()
		ungroup(func(context.Context, event.Received[event.OrderStatus]) error {
			t.Errorf("%s: the event of another service was handled", header)
			return nil
		}, nil).ServeHTTP(w, r)
		if w.Code != http.StatusForbidden {
			t.Errorf("%s: got %d %s, want 403", header, w.Code, w.Body)
		}
	}
}

// Each attempt at an event of a group is recorded, and an event can be given up.
func TestAttemptsOfAGroupAreRecorded(t *testing.T) {
	good := envelope(t, kind, `{"orderId":"o1"}`)
	l := &letters{giveUp: true}
	w := httptest.NewRecorder()
	ungroup(func(context.Context, event.Received[event.OrderStatus]) error { return errors.New("boom") }, l).ServeHTTP(w, postGroup(groupOf(good, good)))
	if got := statuses(t, w); got["0"] != "DROP" || got["1"] != "DROP" || len(l.attempts) != 2 {
		t.Errorf("got %v and the attempts %+v, want DROP and an attempt of each", got, l.attempts)
	}
}
