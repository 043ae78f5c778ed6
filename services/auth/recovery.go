package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"comanda/services/event"
	"comanda/services/internal/document"
	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
)

const (
	// recoveryPage is how many waiting accounts are read at a time.
	recoveryPage = 100
	// recoveryFailures in a row end a round: the sidecar or the database is away, and the next round will find them again.
	recoveryFailures = 5
	// sweepEvery is how often expired refresh tokens are deleted.
	sweepEvery = time.Hour
)

// timing says how patient the recovery is.
type timing struct {
	After  time.Duration `env:"RECOVERY_AFTER" envDefault:"30s"`   // ask for the profile again, and again after as long
	GiveUp time.Duration `env:"RECOVERY_GIVE_UP" envDefault:"15m"` // reject the registration
	Every  time.Duration `env:"RECOVERY_EVERY" envDefault:"5s"`    // look for such registrations
}

func (t timing) check() error {
	if t.After <= 0 || t.GiveUp <= 0 || t.Every <= 0 {
		return errors.New("RECOVERY_AFTER, RECOVERY_GIVE_UP and RECOVERY_EVERY have to be longer than 0")
	}
	return nil
}

// repeatedly does work now and then every so often until ctx is done. It says once that it fails, not for as long as it does.
func repeatedly(ctx context.Context, log *slog.Logger, what string, every time.Duration, work func(context.Context) error) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for failing := false; ctx.Err() == nil; {
		err := work(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			log.Warn(what+" fails, trying again", "error", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

// recover looks once for registrations that wait too long and acts on each, unless another replica is at it. An error tells
// of the last one that could not be written; it keeps none of the others waiting.
func (s service) recover(ctx context.Context, t timing) error {
	return s.alone(ctx, func(ctx context.Context) error {
		var last error
		failures, after, now := 0, "", s.now()
		for {
			found, err := s.waiting(ctx, now.Add(-t.After), now.Add(-t.GiveUp), after, recoveryPage)
			if err != nil {
				return err
			}
			for _, after = range found {
				if err := s.revive(ctx, after, t); err != nil {
					last = fmt.Errorf("account %s: %w", after, err)
					if failures++; failures == recoveryFailures {
						return last
					}
					continue
				}
				failures = 0
			}
			if len(found) < recoveryPage {
				return last
			}
		}
	})
}

// revive asks again for the profile of a waiting account or, when it has waited too long, gives it up. What was settled
// meanwhile is left alone.
func (s service) revive(ctx context.Context, id string, t timing) error {
	ctx, cancel := context.WithTimeout(ctx, rest.RequestTimeout) // a sidecar that hangs must not stop the recovery
	defer cancel()
	done := ""
	_, err := s.documents.Change(ctx, id, func(a *Account) (event.Message, error) {
		now := s.now()
		if message, ok := a.GiveUp(now.Add(-t.GiveUp), now); ok {
			done = "given up"
			return message, nil
		}
		if message, ok := a.Remind(now.Add(-t.After), now); ok {
			done = "announced again"
			return message, nil
		}
		done = ""
		return event.None, document.ErrUnchanged
	})
	switch {
	case fault.Is(err, fault.KindNotFound): // erased since it was found
		return nil
	case err == nil && done != "":
		s.log.Warn("a registration waited too long: "+done, "account", id)
		s.changes.Tell(id)
	}
	return err
}
