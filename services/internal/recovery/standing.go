package recovery

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/validate"
)

// MaxStandings is the number of aggregates in one question for standings.
const MaxStandings = 100

// askTimeout limits one question.
const askTimeout = 2 * time.Second

// Standing is the status of one aggregate, as its owner answers.
type Standing struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
	// Version is that of an order that clients watch. Only the gateway asks for it.
	Version int `json:"version,omitempty" db:"-"`
}

type standings struct {
	Items []Standing `json:"items"`
}

// AskStandings returns the standings of the aggregates that their owner, the service app, knows, by id. An aggregate that is missing is
// unknown to app. An error means that app did not answer the question, which says nothing about any aggregate.
func AskStandings(ctx context.Context, invoker rest.Invoker, app, path string, ids []string) (map[string]Standing, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	answer, err := rest.Get[*standings](ctx, invoker, app, path+"?"+url.Values{"id": ids}.Encode(), "")
	if err != nil {
		return nil, err
	}
	if answer == nil || answer.Items == nil {
		return nil, rest.NoAnswer(app, errors.New("no list"))
	}
	known := map[string]Standing{}
	for _, standing := range answer.Items {
		if !slices.Contains(ids, standing.ID) || standing.Status == "" {
			return nil, fmt.Errorf("%s answers for %q, status %q: not what was asked", app, standing.ID, standing.Status)
		}
		known[standing.ID] = standing
	}
	return known, nil
}

// AnswerStandings returns the handler of the route that answers AskStandings. The route must name its Caller.
func AnswerStandings(find func(ctx context.Context, ids []string) ([]Standing, error)) rest.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		ids := r.URL.Query()["id"]
		if len(ids) > MaxStandings {
			return fault.Malformed("send at most %d ids", MaxStandings)
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
		return rest.JSON(w, http.StatusOK, standings{append([]Standing{}, found...)})
	}
}
