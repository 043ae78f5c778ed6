package main

import (
	"context"
	"net/http"
	"strings"
	"time"

	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/telemetry"
)

// callTimeout limits a call without Prefer: wait. It covers the service's own limit and one or two retries of the sidecar.
const callTimeout = 10 * time.Second

// forward returns the handler that serves c by invoking its service.
func (g *gateway) forward(c call) rest.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := g.admitCall(c, r); err != nil {
			return err
		}
		in, err := g.newInvocation(w, r, c)
		if err != nil {
			return err
		}
		if c.options&allowWait != 0 {
			wait, end := g.waits.begin(r, g.clients.address(r).String())
			defer end()
			in.wait = wait
		}
		setOrderFromPath(r.Context(), in.path)
		if c.method == http.MethodGet { // other calls have had their effect when the response arrives, and their responses are small
			in.reserve = func(size int) error { return rest.ReserveResponse(r.Context(), size) }
		}
		response, err := g.invokeBounded(r.Context(), g.clients.address(r).String(), in)
		if err != nil {
			return err
		}
		// Services serve paths without the prefix, but a Location is for clients and has it.
		setOrderFromPath(r.Context(), strings.TrimPrefix(response.header.Get("Location"), prefix))
		return response.writeTo(w, r)
	}
}

// admitCall applies the rate limits that c has in addition to the limit of all requests.
func (g *gateway) admitCall(c call, r *http.Request) error {
	var err error
	if c.options&loginLimit != 0 {
		err = g.logins.admitRequest(g.clients.address(r), time.Now())
	}
	if err == nil && c.options&registerLimit != 0 {
		err = g.registrations.admitRequest(g.clients.address(r), time.Now())
	}
	return err
}

// invokeBounded calls a service for a client, known by its address, unless too many calls to the service are in flight. A call that waits
// (Prefer: wait) does not count: the service does nothing meanwhile, and the waits have a bound of their own (waits).
func (g *gateway) invokeBounded(ctx context.Context, client string, in invocation) (response serviceResponse, err error) {
	if in.wait > 0 {
		return g.invokeWhileRunning(ctx, in)
	}
	bound := g.callBounds[in.app]
	begun, err := bound.begin(client)
	if err != nil {
		return response, err
	}
	defer func() {
		measured := err == nil && !in.unmeasured // only then does the duration say how busy the service is
		bound.end(client, begun, measured)
	}()
	return g.invokeWhileRunning(ctx, in)
}

// invokeWhileRunning calls a service. When the gateway stops while the service waits (Prefer: wait), it calls the service again without the
// wait: so the client still gets the resource before its connection closes.
func (g *gateway) invokeWhileRunning(ctx context.Context, in invocation) (serviceResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout+in.wait)
	defer cancel()
	if in.wait == 0 {
		return g.invoke(ctx, in)
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		select {
		case <-g.stopping:
			stop()
		case <-running.Done():
		}
	}()
	response, err := g.invoke(running, in)
	if err == nil || running.Err() == nil || ctx.Err() != nil {
		return response, err
	}
	in.wait = 0
	last, cancelLast := context.WithTimeout(ctx, rest.RequestTimeout) // less than the time in which the gateway has to stop
	defer cancelLast()
	return g.invoke(last, in)
}

// setOrderFromPath records the order id of a path under /orders in the telemetry.
func setOrderFromPath(ctx context.Context, path string) {
	if below, found := strings.CutPrefix(path, "/orders/"); found {
		id, _, _ := strings.Cut(below, "/")
		telemetry.SetOrder(ctx, id)
	}
}

// newInvocation builds the invocation of c's service from the validated parts of r.
func (g *gateway) newInvocation(w http.ResponseWriter, r *http.Request, c call) (in invocation, err error) {
	in = invocation{app: c.app, method: c.method, header: http.Header{}, unmeasured: c.options&(loginLimit|asksOthers) != 0}
	if in.path, err = fillPath(r, c.path); err != nil {
		return in, err
	}
	if in.query, err = filterQuery(r, c.query); err != nil {
		return in, err
	}
	if in.body, err = readBody(w, r); err != nil {
		return in, err
	}
	copyCredentials(r, in.header)
	rest.PreconditionOf(r).CopyTo(in.header)
	if c.method != http.MethodGet || c.options&auditedRead != 0 { // for limits and for the audit trail
		in.header.Set(rest.ClientHeader, g.clients.address(r).String())
	}
	// The sidecar retries after a broken connection, so the service has to recognise a repetition, also of a request without a key. A client's
	// own key was checked before (checkingIdempotencyKey).
	if c.method == http.MethodPost {
		key, err := rest.IdempotencyKey(r)
		if err != nil {
			return in, err
		}
		in.header.Set(rest.IdempotencyHeader, key)
	}
	return in, nil
}

// listProblemTypes serves the documentation of all problem types. The list is closed.
func listProblemTypes(w http.ResponseWriter, r *http.Request) error {
	return rest.Document(w, r, rest.List[rest.ProblemType]{Items: rest.ProblemTypes()})
}

// showProblemType serves the documentation of one problem type. The type's URI is its path.
func showProblemType(w http.ResponseWriter, r *http.Request) error {
	for _, kind := range rest.ProblemTypes() {
		if kind.Type == r.URL.Path {
			return rest.Document(w, r, kind)
		}
	}
	return fault.NotFound("there is no such type of problem: GET /problems lists them")
}
