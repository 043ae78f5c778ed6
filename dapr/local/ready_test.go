package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// slowApp is an app that gets ready when it is told to.
func slowApp(t *testing.T) (app, *atomic.Bool) {
	t.Helper()
	ready := &atomic.Bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !ready.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(server.Close)
	address, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(address.Port())
	if err != nil {
		t.Fatal(err)
	}
	return app{ID: "order", Port: port}, ready
}

// Whoever asked is answered in time; but the app is waited for and heard, when it is ready at last.
func TestWhatIsStartedAgainSlowlyIsHeardInTheEnd(t *testing.T) {
	a, ready := slowApp(t)
	seen := newScreen()
	s := &system{console: newConsole(seen, false)}
	one := newPart(s.place, s.console, a, false)
	if err := s.announceAgain(s.waitAgain(t.Context(), a.ID), a, []*part{one}, 10*time.Millisecond); err == nil {
		t.Error("it counts as ready before it is")
	}
	ready.Store(true)
	seen.await(t, "order            ready again")
	for deadline := time.Now().Add(time.Minute); !one.report.calm.Load(); time.Sleep(look / 4) {
		if time.Now().After(deadline) {
			t.Fatal("it is never heard again")
		}
	}
}

// Nobody waits for an app that died, or that is started once more: that is another wait.
func TestAWaitEndsWithWhatIsWaitedFor(t *testing.T) {
	a, _ := slowApp(t)
	s := &system{console: newConsole(newScreen(), false)}
	one := newPart(s.place, s.console, a, true)
	for name, end := range map[string]func(){
		"it died":               func() { s.nameTheDead(one) },
		"it is started again":   func() { s.retire(a.ID) },
		"it is waited for anew": func() { s.waitAgain(t.Context(), a.ID) },
	} {
		ctx := s.waitAgain(t.Context(), a.ID)
		answered := make(chan error, 1)
		go func() { answered <- s.announceAgain(ctx, a, nil, time.Hour) }()
		end()
		select {
		case err := <-answered:
			if err == nil || ctx.Err() != context.Canceled {
				t.Errorf("%s: %v", name, err)
			}
		case <-time.After(time.Minute):
			t.Fatalf("%s: it is waited for all the same", name)
		}
	}
	s.waitNoMore(a.ID)
}
