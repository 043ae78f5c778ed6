package main

import (
	"context"
	"net/http"
	"strings"
	"time"

	"comanda/services/internal/await"
	"comanda/services/internal/fault"
	"comanda/services/internal/idempotency"
	"comanda/services/internal/rest"
	"comanda/services/internal/telemetry"
)

// forward returns the handler that serves c by invoking its service.
func (g *gateway) forward(c call) rest.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if c.options&loginLimit != 0 {
			if err := g.logins.admitRequest(g.clients.address(r), time.Now()); err != nil {
				return err
			}
		}
		in, limit, err := g.newInvocation(w, r, c)
		if err != nil {
			return err
		}
		setOrderFromPath(r.Context(), in.path)
		ctx, cancel := context.WithTimeout(r.Context(), limit)
		defer cancel()
		response, err := g.sidecar.invoke(ctx, in)
		if err != nil {
			return err
		}
		setOrderFromPath(ctx, strings.TrimPrefix(response.header.Get("Location"), prefix))
		return response.writeTo(w, r)
	}
}

// setOrderFromPath records the order id of a path under /orders in the telemetry.
func setOrderFromPath(ctx context.Context, path string) {
	if below, found := strings.CutPrefix(path, "/orders/"); found {
		id, _, _ := strings.Cut(below, "/")
		telemetry.SetOrder(ctx, id)
	}
}

// newInvocation builds the invocation of c's service from the validated parts of r. It also returns the time limit.
func (g *gateway) newInvocation(w http.ResponseWriter, r *http.Request, c call) (invocation, time.Duration, error) {
	in := invocation{app: c.app, method: c.method, header: http.Header{}}
	limit := callTimeout
	var err error
	if in.path, err = fillPath(r, c.path); err != nil {
		return in, 0, err
	}
	if in.query, err = filterQuery(r, c.query); err != nil {
		return in, 0, err
	}
	if in.body, err = readBody(w, r); err != nil {
		return in, 0, err
	}
	copyCredentials(r, in.header)
	if c.options&loginLimit != 0 {
		in.header.Set(rest.ClientHeader, g.clients.address(r).String())
	}
	if c.method == http.MethodPost { // the sidecar retries after a broken connection, so the service has to recognise a repetition
		key, err := idempotency.Key(r)
		if err != nil {
			return in, 0, err
		}
		in.header.Set(idempotency.Header, key)
	}
	if c.options&allowWait != 0 {
		preferred, err := await.Wait(r)
		if err != nil {
			return in, 0, err
		}
		if preferred > 0 {
			in.header.Set("Prefer", "wait="+wholeSeconds(preferred))
			limit += preferred
		}
	}
	return in, limit, nil
}

// listProblemTypes serves the documentation of all problem types. The list is closed.
func listProblemTypes(w http.ResponseWriter, _ *http.Request) error {
	return rest.JSON(w, http.StatusOK, rest.List[rest.ProblemType]{Items: rest.ProblemTypes()})
}

// showProblemType serves the documentation of one problem type. The type's URI is its path.
func showProblemType(w http.ResponseWriter, r *http.Request) error {
	for _, kind := range rest.ProblemTypes() {
		if kind.Type == r.URL.Path {
			return rest.JSON(w, http.StatusOK, kind)
		}
	}
	return fault.NotFound("there is no such type of problem: GET /problems lists them")
}
