package main

import (
	"testing"

	"github.com/google/uuid"

	"comanda/services/event"
	"comanda/services/internal/servicetest"
)

// An erasure deletes the person's dead letters: those with the id as the subject, and any record with the e-mail or the phone number.
func TestErasureDeletesDeadLetters(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	person := profileRequest("+34600111222")
	if got := servicetest.Deliver(t, h.API, event.CreatingUser, person); got != "SUCCESS" {
		t.Fatalf("got %s, want SUCCESS", got)
	}
	h.addLetter(t, person.UserID, "of the person")
	h.addLetter(t, "", "\x00 "+person.Email)
	h.addLetter(t, "", "call +34600111222")
	h.addLetter(t, "", "of another person")
	erase := event.UserToErase{UserID: person.UserID, Version: 2}
	for range 2 {
		if got := servicetest.Deliver(t, h.API, event.DeletingUser, erase); got != "SUCCESS" {
			t.Fatalf("got %s, want SUCCESS", got)
		}
	}
	h.wantLetters(t, "of another person")
}

// addLetter stores a dead letter about subject.
func (h harness) addLetter(t *testing.T, subject, payload string) {
	t.Helper()
	if _, err := h.pool.Exec(t.Context(), `insert into dead_letters (id, topic, subject, reason, attempts, payload)
		values ($1, 'creating.user', $2, 'x', 1, $3)`, uuid.NewString(), subject, []byte(payload)); err != nil {
		t.Fatal(err)
	}
}

func (h harness) wantLetters(t *testing.T, want string) {
	t.Helper()
	var left string
	if err := h.pool.QueryRow(t.Context(), `select coalesce(string_agg(convert_from(payload, 'UTF8'), ', '), '') from dead_letters`).
		Scan(&left); err != nil || left != want {
		t.Errorf("got the dead letters %q, %v, want %q", left, err, want)
	}
}
