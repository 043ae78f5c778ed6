package main

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestTracingComplainsNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		said := 0
		handler := nowAndThen(time.Minute, func(error) { said++ })
		for range 120 { // two minutes of a collector that is away
			handler.Handle(errors.New("connection refused"))
			time.Sleep(time.Second) // on the bubble's clock
		}
		if said != 2 {
			t.Errorf("said %d times", said)
		}
	})
}
