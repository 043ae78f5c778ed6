package main

import (
	"slices"
	"strings"
	"testing"

	"comanda/services/internal/servicetest"
)

func TestRunRejectsInvalidSettings(t *testing.T) {
	good := slices.Clip([]string{"APP_PORT=1", "APP_API_TOKEN=t", "DAPR_API_TOKEN=d", "JWT_SECRET_KEY=" + strings.Repeat("s", 32),
		"ORDER_DATABASE_URL=postgres://%", "EVENT_PUBLIC_KEYS=" + servicetest.EventSettings["EVENT_PUBLIC_KEYS"],
		"ORDER_EVENT_SIGNING_KEY=" + servicetest.EventSettings["ORDER_EVENT_SIGNING_KEY"]})
	for want, wrong := range map[string]string{
		"ORDER_DATABASE_URL":  "MAX_OPEN_ORDERS=0", // a valid setting, so only the address of the database is wrong
		"RECOVERY_AFTER":      "RECOVERY_AFTER=0s",
		"MAX_OPEN_ORDERS and": "MAX_OPEN_ORDERS=-1",
		"and MAX_OPEN_UNITS":  "MAX_OPEN_UNITS=-1",
		"NOT_STARTED_AFTER":   "NOT_STARTED_AFTER=0s",
		"ORDERS_PENDING_MAX":  "ORDERS_PENDING_MAX=0",
	} {
		if err := run(t.Context(), append(good, wrong)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got error %v, want %s", wrong, err, want)
		}
	}
}
