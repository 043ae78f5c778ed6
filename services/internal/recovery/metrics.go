package recovery

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"comanda/services/internal/telemetry"
)

// The steps that a service takes with an overdue aggregate: the values of the label step of NewCounter.
const (
	AnnouncedAgain = "announced_again"
	GivenUp        = "given_up"
)

// NewCounter registers the counter of the steps that a service takes with overdue aggregates.
func NewCounter(registry prometheus.Registerer) *prometheus.CounterVec {
	return telemetry.InitLabels(promauto.With(registry).NewCounterVec(prometheus.CounterOpts{
		Name: "comanda_recovery_total", Help: "Number of overdue aggregates that the recovery handled, by step.",
	}, []string{"step"}), AnnouncedAgain, GivenUp)
}

// The ways to mend a difference: the values of the label step of NewReconciliationCounter.
const (
	MendedEnded     = "ended"     // the aggregate had ended, and its event was lost
	MendedCompleted = "completed" // the aggregate was completed, and its event was lost
	MendedUnknown   = "unknown"   // for ReconciliationTiming.UnknownAfter the owner has answered that it does not know the aggregate
)

// NewReconciliationCounter registers the counter of the differences that a service has mended.
func NewReconciliationCounter(registry prometheus.Registerer) *prometheus.CounterVec {
	return telemetry.InitLabels(promauto.With(registry).NewCounterVec(prometheus.CounterOpts{
		Name: "comanda_reconciled_total", Help: "Number of holdings that did not agree with their owner and were mended, by step.",
	}, []string{"step"}), MendedEnded, MendedCompleted, MendedUnknown)
}
