package main

import (
	"log/slog"

	"comanda/services/internal/rest"
	"comanda/services/internal/timeline"
)

// service handles product's requests and events.
type service struct {
	store      store
	announcer  announcer
	orderLocks *orderLocks
	metrics    *metrics
	repeats    timeline.Repeats
	currency   string // of products created without one
	cursors    rest.Cursors
	log        *slog.Logger
}
