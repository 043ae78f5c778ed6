package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"comanda/services/internal/fault"
	"comanda/services/internal/recovery"
	"comanda/services/internal/telemetry"
)

// metrics logs and counts registrations and erasures, with one log line for each status that they enter, and counts logins. Call its
// methods once per committed change, never for replays. Log lines identify accounts by id only.
type metrics struct {
	log       *slog.Logger
	entered   *prometheus.CounterVec
	decided   *prometheus.HistogramVec
	recovered *prometheus.CounterVec
	logins    *prometheus.CounterVec
	erasures  *prometheus.CounterVec
}

func newMetrics(registry prometheus.Registerer, log *slog.Logger) *metrics {
	factory := promauto.With(registry)
	m := &metrics{
		log: log,
		entered: telemetry.InitLabels(factory.NewCounterVec(prometheus.CounterOpts{
			Name: "comanda_registrations_total", Help: "Status changes of registrations, by the status entered.",
		}, []string{"status"}), string(Pending), string(Active), string(Rejected)),
		decided: factory.NewHistogramVec(prometheus.HistogramOpts{
			Name: "comanda_registration_decision_seconds", Help: "Time that registrations were PENDING, by outcome, in seconds.",
			Buckets: telemetry.SagaBuckets,
		}, []string{"outcome"}),
		recovered: recovery.NewCounter(registry),
		logins: telemetry.InitLabels(factory.NewCounterVec(prometheus.CounterOpts{
			Name: "comanda_logins_total", Help: "Logins by outcome: ok, refused, limited after too many wrong passwords, or busy when too many wait for a check.",
		}, []string{"outcome"}), "ok", "refused", "limited", "busy"),
		erasures: telemetry.InitLabels(factory.NewCounterVec(prometheus.CounterOpts{
			Name: "comanda_erasures_total", Help: "Status changes of erasures, by the status entered: DELETING, ERASED.",
		}, []string{"status"}), string(Deleting), string(Erased)),
	}
	for _, outcome := range []Status{Active, Rejected} {
		m.decided.WithLabelValues(string(outcome))
	}
	return m
}

// RecordStatus logs and counts that a registration has entered its current status.
func (m *metrics) RecordStatus(ctx context.Context, a Account) {
	m.entered.WithLabelValues(string(a.Status)).Inc()
	if a.Status != Pending {
		m.decided.WithLabelValues(string(a.Status)).Observe(a.UpdatedAt.Sub(a.CreatedAt).Seconds())
	}
	log := m.log.With("userId", a.ID, "status", a.Status)
	if a.Reason != "" {
		log = log.With("reason", a.Reason)
	}
	log.InfoContext(ctx, "registration "+strings.ToLower(string(a.Status)))
}

// RecordRecovery logs and counts a step of the recovery.
func (m *metrics) RecordRecovery(ctx context.Context, a Account, step string) {
	if step == recovery.GivenUp {
		m.RecordStatus(ctx, a)
	}
	m.recovered.WithLabelValues(step).Inc()
	what := "registration"
	if a.Erasure != nil {
		what = "erasure"
	}
	m.log.WarnContext(ctx, what+" waited too long: "+strings.ReplaceAll(step, "_", " "), "userId", a.ID)
}

// RecordErasure logs and counts that the erasure of an account has begun, or is complete.
func (m *metrics) RecordErasure(ctx context.Context, a Account) {
	m.erasures.WithLabelValues(string(a.Status)).Inc()
	m.log.InfoContext(ctx, "account "+strings.ToLower(string(a.Status)), "userId", a.ID, "status", a.Status)
}

// RecordLogin counts a login by its error. A login that fails because the database is unavailable is not counted.
func (m *metrics) RecordLogin(err error) {
	switch {
	case err == nil:
		m.logins.WithLabelValues("ok").Inc()
	case fault.Is(err, fault.KindUnauthenticated), fault.Is(err, fault.KindForbidden):
		m.logins.WithLabelValues("refused").Inc()
	case fault.Is(err, fault.KindLimited):
		m.logins.WithLabelValues("limited").Inc()
	case errors.Is(err, errBusy):
		m.logins.WithLabelValues("busy").Inc()
	}
}
