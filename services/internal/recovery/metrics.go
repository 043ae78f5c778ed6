package recovery

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"comanda/services/internal/telemetry"
)

// The steps that the recovery takes with an aggregate: the values of its counter's label step.
const (
	AnnouncedAgain = "announced_again"
	GivenUp        = "given_up"
)

// NewCounter registers the counter of the steps that a service's recovery takes.
func NewCounter(registry prometheus.Registerer) *prometheus.CounterVec {
	return telemetry.InitLabels(promauto.With(registry).NewCounterVec(prometheus.CounterOpts{
		Name: "comanda_recovery_total", Help: "Number of overdue aggregates that the recovery handled, by step.",
	}, []string{"step"}), AnnouncedAgain, GivenUp)
}
