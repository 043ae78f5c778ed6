package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/event"
	"comanda/services/internal/document"
	"comanda/services/internal/recovery"
)

// standingPath is auth's route for the standings of accounts.
const standingPath = "/reconciliation/accounts"

// The statuses of an account that do not confirm its profile: the registration is not decided yet, or the profile may not stay. Any other
// status, such as ACTIVE, confirms the profile.
const (
	accountPending  = "PENDING"
	accountRejected = "REJECTED"
	accountErased   = "ERASED"
)

// reconciler compares the ACTIVE profiles with auth's accounts.
type reconciler struct {
	service
	timing recovery.ReconciliationTiming
	log    *slog.Logger
	mended *prometheus.CounterVec

	walked activeProfile // the last profile that the walk through all profiles has reached
}

// run runs a round at each interval until ctx is done. It removes the profiles of accounts that were rejected or erased, if the event that
// announced this was lost, and of accounts that auth no longer knows. Their phone numbers are then free again.
func (r *reconciler) run(ctx context.Context) {
	recovery.RunEvery(ctx, r.log, "reconciliation of profiles", r.timing.Every, r.runRound)
}

// runRound asks about all profiles that were never confirmed, and then about the next page of a walk through all profiles. The walk finds
// accounts that are missing because auth's database was restored from an older copy. It does nothing while another replica runs a round.
func (r *reconciler) runRound(ctx context.Context) error {
	_, err := recovery.RunExclusively(ctx, r.store.pool, recovery.ReconciliationLease, func(ctx context.Context) error {
		held := recovery.Holder[activeProfile]{Invoker: r.invoker, Owner: "auth", Path: standingPath,
			ID: func(p activeProfile) string { return p.ID }, Mend: r.reconcile}
		find := func(condition string) recovery.Find[activeProfile] {
			return func(ctx context.Context, after activeProfile, limit int) ([]activeProfile, error) {
				return r.store.activeProfiles(ctx, condition, r.timing, after, limit)
			}
		}
		failed := held.Walk(ctx, new(activeProfile), find(unconfirmed))
		_, err := held.Step(ctx, &r.walked, find(anyProfile))
		return errors.Join(failed, err)
	})
	return err
}

// reconcile does with a profile what the account's last event would have done. It abandons the profile of an account that auth has not
// known for timing.UnknownAfter. To measure that time, it records whether auth knows the account. It publishes no outcome, because auth
// did not request one.
func (r *reconciler) reconcile(ctx context.Context, active activeProfile, standing recovery.Standing, found bool) error {
	if standing.Status == accountErased {
		if err := r.eraseTraces(ctx, active.ID); err != nil {
			return err
		}
	}
	step := ""
	profile, err := r.store.documents.Change(ctx, active.ID, func(p *Profile) (event.Message, error) {
		step = ""
		changed, err := false, error(nil)
		// A registration that auth rejected cannot have a changed profile, unless staff verified its number meanwhile, or auth was
		// restored from an older copy. So this profile waits like one of an account that auth does not know.
		lost := !found || standing.Status == accountRejected && p.Version > 1
		switch {
		case p.Status != Active, standing.Status == accountPending:
		case lost && active.Forgotten && !p.UnknownSince.IsZero():
			changed, step = p.Abandon(r.now()), recovery.MendedUnknown
			p.Steps.Add(p.reconciled(stepCancelled, r.now()))
		case lost:
			changed = p.UnknownSince.IsZero()
			p.UnknownSince = active.AskedAt
		case standing.Status == accountRejected:
			changed, err = p.Cancel(standing.Reason, r.now())
			p.Steps.Add(p.reconciled(stepCancelled, r.now()))
			step = recovery.MendedEnded
		case standing.Status == accountErased:
			p.Erase(r.now())
			p.Steps.Add(p.reconciled(stepErased, r.now()))
			changed, step = true, recovery.MendedEnded
		default:
			changed = p.confirm(active.AskedAt)
		}
		if err == nil && !changed {
			err = document.ErrUnchanged
		}
		return event.NoMessage, err
	})
	if err == nil && step != "" {
		r.mended.WithLabelValues(step).Inc()
		r.log.WarnContext(ctx, "profile removed: the account's last event was lost, or auth does not know the account",
			"userId", profile.ID, "step", step, "status", profile.Status)
	}
	return err
}

// confirm records that auth knows the account. It reports whether the profile changed.
func (p *Profile) confirm(at time.Time) bool {
	if !p.ConfirmedAt.IsZero() && p.UnknownSince.IsZero() {
		return false
	}
	if p.ConfirmedAt.IsZero() {
		p.ConfirmedAt = at
	}
	p.UnknownSince = time.Time{}
	return true
}

// activeProfile is what the reconciliation reads of an ACTIVE profile.
type activeProfile struct {
	ID        string
	Forgotten bool      // auth has not known the account for timing.UnknownAfter
	AskedAt   time.Time // when the page was read, by the database's clock
}

// The SQL conditions of activeProfiles: for the profiles that auth has never confirmed, which have an index of their own, and for all. Postgres
// keeps no statistics on the status, takes the ACTIVE profiles for few, and would read all that are left in order to sort them: coalesce rules
// out the partial index, and Postgres guesses that it is true for half of the profiles. So it walks the primary key until the page is full.
const (
	unconfirmed = `doc(value)->>'status' = 'ACTIVE' and doc(value)->'confirmedAt' is null`
	anyProfile  = `coalesce(doc(value)->>'status' = 'ACTIVE', false)`
)

// activeProfiles returns up to limit profiles that are older than timing.After and match an SQL condition, in the order of their keys. The
// page begins after the profile in after.
func (s store) activeProfiles(
	ctx context.Context, condition string, timing recovery.ReconciliationTiming, after activeProfile, limit int,
) ([]activeProfile, error) {
	rows, err := s.pool.Query(ctx, `
		select substr(key, 9), coalesce((doc(value)->>'unknownSince')::timestamptz <= now() - @unknown_after::interval, false), now()
		from state where key like 'profile-%' and created_at <= now() - @after::interval
			and key > 'profile-' || @after_id and `+condition+` order by key limit @limit`,
		pgx.NamedArgs{"after": timing.After, "unknown_after": timing.UnknownAfter, "after_id": after.ID, "limit": limit})
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[activeProfile])
}
