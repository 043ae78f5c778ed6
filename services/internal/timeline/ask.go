package timeline

import (
	"context"
	"log/slog"
	"time"

	"comanda/services/internal/invoke"
)

// askTimeout limits the time that a timeline waits for another service's part. An operator must be able to read the timeline while
// that service is away, which is when it is needed.
const askTimeout = time.Second

// Part is the part of a timeline that one service owns, as it answers another one.
type Part struct {
	Steps []Step `json:"steps"`
}

// Ask gets another service's part with the caller's own token. If the service does not answer, Ask logs that and names the service as
// missing.
func Ask(ctx context.Context, log *slog.Logger, sidecar invoke.Sidecar, app, path, bearer string) (steps []Step, missing []string) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	part, err := invoke.Get[Part](ctx, sidecar, app, path, bearer)
	if err != nil {
		log.WarnContext(ctx, "timeline without a service's part", "service", app, "error", err)
		return nil, []string{app}
	}
	return part.Steps, nil
}
