package timeline

import (
	"context"
	"log/slog"
	"time"

	"comanda/services/internal/rest"
)

// askTimeout limits the time that a timeline waits for another service's part. Operators need the timeline most while that service
// is away.
const askTimeout = time.Second

// Part is the part of a timeline that one service owns, in the form in which it answers another service.
type Part struct {
	Steps []Step `json:"steps"`
}

// Ask gets the part that the service app owns, at path, with the caller's own token. If it gets none, for any reason, it logs a warning
// and returns app as missing.
func Ask(ctx context.Context, log *slog.Logger, invoker rest.Invoker, app, path, bearer string) (steps []Step, missing []string) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	part, err := rest.Get[Part](ctx, invoker, app, path, bearer)
	if err != nil {
		log.WarnContext(ctx, "timeline without a service's part", "service", app, "error", err)
		return nil, []string{app}
	}
	return part.Steps, nil
}
