package journey

import (
	"context"
	"fmt"
	"testing"

	"comanda/tests/client"
	"comanda/tests/system"
)

// What waits too long for an answer is given up, with a reason; what comes late is undone.
func TestNothingSticks(t *testing.T) {
	t.Parallel()
	s := system.Start(t, system.Options{Settings: map[string]string{
		"RECOVERY_AFTER": "500ms", "RECOVERY_EVERY": "200ms", "RECOVERY_GIVE_UP": "3s",
	}})
	w := arrive(t, s)
	ctx, ana, dish := t.Context(), w.customer(), w.dish(10, 700)
	for _, service := range []string{"product", "user"} {
		s.Pair(service).Service.Kill()
		s.Pair(service).Sidecar.Kill()
	}
	person := somebody()
	begun := must(w.nobody.Register(ctx, person))(t)
	placed := must(ana.Order(ctx, basket(dish, 2)))(t)
	watching := watch(t, ana, placed.ID, "")
	watching.within = patience

	if change := watching.want(client.Cancelled); change.Reason != "timed_out" {
		t.Errorf("the reason told is %q", change.Reason)
	}
	if got := w.settled(ana, placed.ID, client.Cancelled); got.Reason != "timed_out" {
		t.Errorf("the order is cancelled for %q", got.Reason)
	}
	eventually(t, "the registration is given up", func(ctx context.Context) error {
		got, err := w.nobody.Registration(ctx, begun.UserID, 0)
		if err == nil && (got.Status != client.AccountRejected || got.Reason != "timed_out") {
			err = fmt.Errorf("it is %+v", got)
		}
		return err
	})

	if err := s.Revive(); err != nil {
		t.Fatal(err)
	}
	eventuallyWithin(t, back, "all is ready again", s.Ready)
	w.wantStock(dish, 10, 0, 0)
	wantBooks(t, s)
	// Neither the e-mail nor the phone of the registration that was given up is taken.
	eventually(t, "the same person can register", func(ctx context.Context) error {
		again, err := w.nobody.Register(ctx, person)
		if err != nil {
			return err
		}
		got, err := w.nobody.Registration(ctx, again.UserID, patience)
		if err == nil && got.Status != client.AccountActive {
			err = fmt.Errorf("it is %+v", got)
		}
		return err
	})
}

// An announcement that nobody heard is made again, and then all goes its way.
func TestAnnouncedAgain(t *testing.T) {
	t.Parallel()
	s := system.Start(t, system.Options{Settings: map[string]string{"RECOVERY_AFTER": "500ms", "RECOVERY_EVERY": "200ms"}})
	w := arrive(t, s)
	ana, dish := w.customer(), w.dish(10, 700)
	s.Pair("product").Service.Kill()
	placed := must(ana.Order(t.Context(), basket(dish, 2)))(t)
	eventually(t, "the order is announced again", func(ctx context.Context) error {
		told, err := query(ctx, s.DatabaseURL("order"), `select doc(value) ->> 'announced' from orders where key = 'order-`+placed.ID+`'`)
		if err == nil && (len(told) != 1 || told[0] < "3" && len(told[0]) == 1) {
			err = fmt.Errorf("it was announced %v times", told)
		}
		return err
	})
	if err := s.Revive(); err != nil {
		t.Fatal(err)
	}
	w.settled(ana, placed.ID, client.Confirmed)
	w.wantStock(dish, 8, 2, 0)
	wantBooks(t, s)
}
