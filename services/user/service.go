package main

import (
	"time"

	"comanda/services/internal/rest"
	"comanda/services/internal/timeline"
)

// service holds what the handlers and the consumer share.
type service struct {
	store
	now        func() time.Time
	cursors    rest.Cursors
	phoneQuota PhoneQuota
	invoker    rest.Invoker
	repeats    timeline.Repeats
	exports    *rest.Quota // in progress, by account
}
