package main

import (
	"slices"
	"strings"
	"testing"

	"comanda/services/internal/servicetest"
)

func TestRunRejectsInvalidSettings(t *testing.T) {
	good := slices.Clip([]string{"APP_PORT=1", "APP_API_TOKEN=t", "DAPR_API_TOKEN=d", "JWT_SECRET_KEY=" + strings.Repeat("s", 32),
		"USER_DATABASE_URL=postgres://%", "EVENT_PUBLIC_KEYS=" + servicetest.EventSettings["EVENT_PUBLIC_KEYS"],
		"USER_EVENT_SIGNING_KEY=" + servicetest.EventSettings["USER_EVENT_SIGNING_KEY"]})
	for want, wrong := range map[string]string{
		"USER_DATABASE_URL":     "PHONE_CHANGES_PER_DAY=1", // a valid setting, so only the address of the database is wrong
		"PHONE_CHANGES_PER_DAY": "PHONE_CHANGES_PER_DAY=0",
	} {
		if err := run(t.Context(), append(good, wrong)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got error %v, want %s", wrong, err, want)
		}
	}
}
