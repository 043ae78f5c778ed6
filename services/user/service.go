package main

import "time"

// service holds what the handlers and the consumer share.
type service struct {
	store
	now func() time.Time
}
