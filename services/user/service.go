package main

import (
	"time"

	"comanda/services/internal/rest"
)

// service holds what the handlers and the consumer share.
type service struct {
	store
	now     func() time.Time
	cursors rest.Cursors
	quota   Quota
	invoke  invoker
}
