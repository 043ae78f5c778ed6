package main

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestTracingErrorsAreLoggedOncePerMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logged := 0
		handler := rateLimit(time.Minute, func(error) { logged++ })
		for range 120 { // the collector is away for two minutes
			handler.Handle(errors.New("connection refused"))
			time.Sleep(time.Second) // virtual time
		}
		if logged != 2 {
			t.Errorf("got %d errors logged in two minutes, want 2", logged)
		}
	})
}
