package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	"comanda/services/event"
	"comanda/services/internal/document"
	"comanda/services/internal/fault"
	"comanda/services/internal/recovery"
	"comanda/services/internal/telemetry"
	"comanda/services/internal/timeline"
)

// sweepEvery is how often expired refresh tokens and old login failures are deleted.
const sweepEvery = time.Hour

// recoverRegistrations runs one round of the recovery over the registrations that have waited too long. It does nothing while
// another replica runs a round.
func (s service) recoverRegistrations(ctx context.Context, t recovery.Timing) error {
	now := s.now()
	_, err := recovery.RunExclusively(ctx, s.pool, func(ctx context.Context) error {
		return recovery.RunRound(ctx, func(ctx context.Context, after waitingAccount, limit int) ([]waitingAccount, error) {
			return s.listWaiting(ctx, now.Add(-t.After), now.Add(-t.GiveUp), after, limit)
		}, func(ctx context.Context, late waitingAccount) error { return s.recoverRegistration(ctx, late, t) })
	})
	return err
}

// recoverErasures runs one round of the recovery over the erasures that wait for an answer: it publishes deleting.user again. An
// erasure is never given up. It does nothing while another replica runs a round.
func (s service) recoverErasures(ctx context.Context, t recovery.Timing) error {
	now := s.now()
	_, err := recovery.RunExclusively(ctx, s.pool, func(ctx context.Context) error {
		return recovery.RunRound(ctx, func(ctx context.Context, after waitingAccount, limit int) ([]waitingAccount, error) {
			return s.listDeleting(ctx, now.Add(-t.After), after, limit)
		}, func(ctx context.Context, late waitingAccount) error { return s.recoverErasure(ctx, late, t) })
	})
	return err
}

func (s service) recoverErasure(ctx context.Context, late waitingAccount, t recovery.Timing) (err error) {
	ctx, span := telemetry.StartSpan(telemetry.ContinueTrace(ctx, late.Traceparent), "recover erasure", trace.SpanKindInternal)
	defer func() { telemetry.EndSpan(span, err) }()
	again := false
	account, err := s.documents.Change(ctx, late.ID, func(a *Account) (event.Message, error) {
		now := s.now()
		if again = a.AnnounceErasureAgain(now.Add(-t.After), now); !again {
			return event.NoMessage, document.ErrUnchanged
		}
		return a.ErasureRequest(), nil
	})
	if err != nil {
		return fmt.Errorf("account %s: %w", late.ID, err)
	}
	if again {
		s.metrics.RecordRecovery(ctx, account, recovery.AnnouncedAgain)
	}
	return nil
}

// recoverRegistration publishes the profile request of a waiting account again or, after the deadline, rejects the account. It
// continues the trace of the registration. An account that is no longer PENDING stays unchanged.
func (s service) recoverRegistration(ctx context.Context, late waitingAccount, t recovery.Timing) (err error) {
	ctx, span := telemetry.StartSpan(telemetry.ContinueTrace(ctx, late.Traceparent), "recover registration", trace.SpanKindInternal)
	defer func() { telemetry.EndSpan(span, err) }()
	step := ""
	account, err := s.documents.Change(ctx, late.ID, func(a *Account) (event.Message, error) {
		now := s.now()
		if message, ok := a.GiveUp(now.Add(-t.GiveUp), now); ok {
			step = recovery.GivenUp
			a.addStep(strings.ToLower(string(a.Status)), timeline.Cause{Kind: timeline.Recovery}, recoveryActor, now)
			return message, nil
		}
		if message, ok := a.AnnounceAgain(now.Add(-t.After), now); ok {
			step = recovery.AnnouncedAgain
			a.addStep(stepAnnouncedAgain, timeline.Cause{Kind: timeline.Recovery}, recoveryActor, now)
			return message, nil
		}
		step = ""
		return event.NoMessage, document.ErrUnchanged
	})
	switch {
	case fault.Is(err, fault.KindNotFound): // deleted since it was listed
		return nil
	case err == nil && step != "":
		s.metrics.RecordRecovery(ctx, account, step)
		s.changes.Tell(late.ID)
	case err != nil:
		return fmt.Errorf("account %s: %w", late.ID, err)
	}
	return nil
}
