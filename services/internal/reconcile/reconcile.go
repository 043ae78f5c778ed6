// Package reconcile lets a service that holds something for an aggregate of another service (stock for an order, a phone number for
// an account) ask the owner for that aggregate's status. The final event of a saga is published only once. If the broker loses it, or
// a database is restored from an older copy, the holder notices here (docs/decisions/0022). The package owns the settings, the
// walk through all that a service holds, the question, the route that answers it, and the counter of mended differences.
package reconcile

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/telemetry"
	"comanda/services/internal/validate"
)

// MaxIDs is the number of aggregates in one question.
const MaxIDs = 100

// Lease is the lease (recovery.RunExclusively) of the replica that reconciles.
const Lease = "reconciliation"

// askTimeout limits one question.
const askTimeout = 2 * time.Second

// Timing holds the settings of a service that reconciles what it holds. The database's clock measures After and UnknownAfter.
type Timing struct {
	After        time.Duration `env:"RECONCILE_AFTER" envDefault:"30m"`         // age at which the holder asks the owner: longer than a saga
	Every        time.Duration `env:"RECONCILE_EVERY" envDefault:"1m"`          // interval of the search
	UnknownAfter time.Duration `env:"RECONCILE_UNKNOWN_AFTER" envDefault:"72h"` // the holder gives an aggregate up when the owner has not known it for this long
}

// Check returns an error unless all times are longer than 0.
func (t Timing) Check() error {
	if t.After <= 0 || t.Every <= 0 || t.UnknownAfter <= 0 {
		return errors.New("RECONCILE_AFTER, RECONCILE_EVERY and RECONCILE_UNKNOWN_AFTER must be longer than 0")
	}
	return nil
}

// Standing is the status of one aggregate, as its owner answers.
type Standing struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
	// Version is that of an order that clients watch. Only the gateway asks for it.
	Version int `json:"version,omitempty" db:"-"`
}

type answer struct {
	Items []Standing `json:"items"`
}

// Ask returns the standings of the aggregates that their owner, the service app, knows, by id. An aggregate that is missing is unknown to
// app. An error means that app did not answer the question, which says nothing about any aggregate.
func Ask(ctx context.Context, invoker rest.Invoker, app, path string, ids []string) (map[string]Standing, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	got, err := rest.Get[*answer](ctx, invoker, app, path+"?"+url.Values{"id": ids}.Encode(), "")
	if err != nil {
		return nil, err
	}
	if got == nil || got.Items == nil {
		return nil, fault.Unavailable(errors.New("no list"), "%s does not answer", app)
	}
	known := map[string]Standing{}
	for _, standing := range got.Items {
		if !slices.Contains(ids, standing.ID) || standing.Status == "" {
			return nil, fmt.Errorf("%s answers for %q, status %q: not what was asked", app, standing.ID, standing.Status)
		}
		known[standing.ID] = standing
	}
	return known, nil
}

// Answer returns the handler of the route that answers Ask. The route must name its Caller.
func Answer(find func(ctx context.Context, ids []string) ([]Standing, error)) rest.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		ids := r.URL.Query()["id"]
		if len(ids) > MaxIDs {
			return fault.Malformed("send at most %d ids", MaxIDs)
		}
		for _, id := range ids {
			if !validate.IsUUID(id) {
				return fault.Malformed("id must be a UUID")
			}
		}
		found, err := find(r.Context(), ids)
		if err != nil {
			return err
		}
		return rest.JSON(w, http.StatusOK, answer{append([]Standing{}, found...)})
	}
}

// The ways to mend a difference: the values of the counter's label step.
const (
	Ended     = "ended"     // the aggregate had ended, and its event was lost
	Completed = "completed" // the aggregate was completed, and its event was lost
	Unknown   = "unknown"   // for Timing.UnknownAfter the owner has answered that it does not know the aggregate
)

// NewCounter registers the counter of the differences that a service has mended.
func NewCounter(registry prometheus.Registerer) *prometheus.CounterVec {
	return telemetry.InitLabels(promauto.With(registry).NewCounterVec(prometheus.CounterOpts{
		Name: "comanda_reconciled_total", Help: "Number of holdings that did not agree with their owner and were mended, by step.",
	}, []string{"step"}), Ended, Completed, Unknown)
}
