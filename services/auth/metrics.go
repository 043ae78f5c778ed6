package main

import (
	"context"
	"log/slog"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"comanda/services/internal/fault"
	"comanda/services/internal/telemetry"
)

// metrics tells of registrations and logins: a line in the log for each state that a registration enters, and what is
// counted. It is told of what has been written, once; of a repetition there is nothing to tell. It names accounts by their
// ids alone.
type metrics struct {
	log       *slog.Logger
	entered   *prometheus.CounterVec
	decided   *prometheus.HistogramVec
	recovered *prometheus.CounterVec
	logins    *prometheus.CounterVec
}

// What the recovery does with a registration that waits too long.
const (
	announcedAgain = "announced_again"
	givenUp        = "given_up"
)

func newMetrics(registry prometheus.Registerer, log *slog.Logger) *metrics {
	factory := promauto.With(registry)
	m := &metrics{
		log: log,
		entered: telemetry.InitLabels(factory.NewCounterVec(prometheus.CounterOpts{
			Name: "comanda_registrations_total", Help: "Registrations by the status they entered.",
		}, []string{"status"}), string(Pending), string(Active), string(Rejected)),
		decided: factory.NewHistogramVec(prometheus.HistogramOpts{
			Name: "comanda_registration_decision_seconds", Help: "How long registrations were PENDING, by what they became.",
			Buckets: telemetry.SagaBuckets,
		}, []string{"outcome"}),
		recovered: telemetry.InitLabels(factory.NewCounterVec(prometheus.CounterOpts{
			Name: "comanda_recovery_total", Help: "What the recovery did with registrations that waited too long.",
		}, []string{"step"}), announcedAgain, givenUp),
		logins: telemetry.InitLabels(factory.NewCounterVec(prometheus.CounterOpts{
			Name: "comanda_logins_total", Help: "Logins by outcome.",
		}, []string{"outcome"}), "ok", "refused"),
	}
	for _, outcome := range []Status{Active, Rejected} {
		m.decided.WithLabelValues(string(outcome))
	}
	return m
}

// RecordStatus tells that the registration of an account has entered the status it now has.
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

// RecordRecovery tells what the recovery did with a registration.
func (m *metrics) RecordRecovery(ctx context.Context, a Account, step string) {
	if step == givenUp {
		m.RecordStatus(ctx, a)
	}
	m.recovered.WithLabelValues(step).Inc()
	m.log.WarnContext(ctx, "a registration waited too long: "+strings.ReplaceAll(step, "_", " "), "userId", a.ID)
}

// RecordLogin tells how a login ended. What failed for want of a database, or could not be read, is none.
func (m *metrics) RecordLogin(err error) {
	switch {
	case err == nil:
		m.logins.WithLabelValues("ok").Inc()
	case fault.Is(err, fault.KindUnauthenticated), fault.Is(err, fault.KindForbidden):
		m.logins.WithLabelValues("refused").Inc()
	}
}
