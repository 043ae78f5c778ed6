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

// sweepEvery is how often expired refresh tokens, old rejected accounts and old login failures are deleted.
const sweepEvery = time.Hour

// recoverRegistrations announces registrations again that wait for user's answer, or gives them up: up to recovery.Budget of them. It does
// nothing while another replica has the lease.
func (s service) recoverRegistrations(ctx context.Context, t recovery.Timing) error {
	_, err := recovery.RunExclusively(ctx, s.pool, recovery.Lease, func(ctx context.Context) error {
		return recovery.RunRound(ctx, recovery.Budget, func(ctx context.Context, after waitingAccount, limit int) ([]waitingAccount, error) {
			return s.listWaiting(ctx, t, after, limit)
		}, s.recoverRegistration)
	})
	return err
}

// recoverErasures publishes deleting.user again for erasures that wait for an answer: up to recovery.Budget of them. An erasure is never
// given up. It does nothing while another replica has the lease.
func (s service) recoverErasures(ctx context.Context, t recovery.Timing) error {
	_, err := recovery.RunExclusively(ctx, s.pool, recovery.Lease, func(ctx context.Context) error {
		return recovery.RunRound(ctx, recovery.Budget, func(ctx context.Context, after waitingAccount, limit int) ([]waitingAccount, error) {
			return s.listDeleting(ctx, t, after, limit)
		}, s.recoverErasure)
	})
	return err
}

// recoverErasure publishes deleting.user again for one account, unless another replica has done so or the erasure is complete.
func (s service) recoverErasure(ctx context.Context, late waitingAccount) (err error) {
	ctx, span := telemetry.StartSpan(telemetry.ContinueTrace(ctx, late.Traceparent), "recover erasure", trace.SpanKindInternal)
	defer func() { telemetry.EndSpan(span, err) }()
	again := false
	account, err := s.documents.Change(ctx, late.ID, func(a *Account) (event.Message, error) {
		if again = a.AnnounceErasureAgain(late.Announced, s.now()); !again {
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

// recoverRegistration publishes the profile request of a waiting account again or, if the account is to be given up, rejects it. It
// continues the trace of the registration. An account that is no longer PENDING, or that another replica has announced, stays unchanged.
func (s service) recoverRegistration(ctx context.Context, late waitingAccount) (err error) {
	ctx, span := telemetry.StartSpan(telemetry.ContinueTrace(ctx, late.Traceparent), "recover registration", trace.SpanKindInternal)
	defer func() { telemetry.EndSpan(span, err) }()
	step := ""
	account, err := s.documents.Change(ctx, late.ID, func(a *Account) (event.Message, error) {
		now := s.now()
		if late.Overdue {
			if message, ok := a.GiveUp(now); ok {
				step = recovery.GivenUp
				a.addStep(strings.ToLower(string(a.Status)), timeline.Cause{Kind: timeline.Recovery}, recoveryActor, now)
				return message, nil
			}
		}
		if message, ok := a.AnnounceAgain(late.Announced, now); ok {
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
