package main

import (
	"context"
	"net/http"

	"comanda/services/event"
	"comanda/services/internal/await"
	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/telemetry"
	"comanda/services/internal/token"
	"comanda/services/internal/validate"
)

// showOrder returns one order. With Prefer: wait=N (RFC 7240) it waits up to N seconds until the order is no longer PENDING.
func (s *service) showOrder(w http.ResponseWriter, r *http.Request) error {
	wait := await.Wait(r)
	id, err := orderID(r)
	if err != nil {
		return err
	}
	order, err := await.Until(r.Context(), s.changes, id, wait, func(ctx context.Context) (Order, bool, error) {
		order, err := s.visibleOrder(ctx, id, callerOf(r))
		return order, order.Status != event.StatusPending, err
	})
	if err != nil {
		return err
	}
	await.Applied(w, wait)
	return writeOrder(w, r, http.StatusOK, order)
}

// showHistory returns every change of one order, oldest first.
func (s *service) showHistory(w http.ResponseWriter, r *http.Request) error {
	id, err := orderID(r)
	if err != nil {
		return err
	}
	order, err := s.visibleOrder(r.Context(), id, callerOf(r))
	if err != nil {
		return err
	}
	return rest.JSON(w, http.StatusOK, historyOf(order))
}

// cancelOrder cancels an order for its owner or for staff.
func (s *service) cancelOrder(w http.ResponseWriter, r *http.Request) error {
	id, err := orderID(r)
	if err != nil {
		return err
	}
	var body struct {
		Reason string `json:"reason"`
	}
	if err := rest.DecodeOptional(w, r, &body); err != nil {
		return err
	}
	reason, wrong := validate.OptionalText("reason", body.Reason, maxReason)
	if wrong != nil {
		return fault.Invalid(wrong...)
	}
	body.Reason = reason // normalised, for the fingerprint in requestOf
	caller := callerOf(r)
	identity, err := requestOf(r, caller, body)
	if err != nil {
		return err
	}
	order, err := s.changeByRequest(r, id, caller, identity, func(o *Order) (bool, error) {
		return o.Cancel(reason, caller, identity, s.now())
	})
	if err != nil {
		return err
	}
	return writeOrder(w, r, http.StatusOK, order)
}

// advanceOrder moves an order to its next kitchen or delivery status.
func (s *service) advanceOrder(w http.ResponseWriter, r *http.Request) error {
	id, err := orderID(r)
	if err != nil {
		return err
	}
	var body struct {
		Status event.Status `json:"status"`
	}
	if err := rest.Decode(w, r, &body); err != nil {
		return err
	}
	caller := callerOf(r)
	identity, err := requestOf(r, caller, body)
	if err != nil {
		return err
	}
	order, err := s.changeByRequest(r, id, caller, identity, func(o *Order) (bool, error) {
		return o.Advance(body.Status, caller, identity, s.now())
	})
	if err != nil {
		return err
	}
	return writeOrder(w, r, http.StatusOK, order)
}

// orderID returns the order id in the path, or NotFound if it is not a valid id.
func orderID(r *http.Request) (string, error) {
	id := rest.Param(r, "id")
	if !validate.IsUUID(id) {
		return "", notFound(id)
	}
	return id, nil
}

func callerOf(r *http.Request) Caller {
	claims := token.From(r.Context())
	return Caller{ID: claims.Subject, Staff: claims.Any(token.Staff), TraceID: telemetry.TraceID(r.Context())}
}

// requestOf returns the identity of r, whose decoded and normalised body is given.
func requestOf(r *http.Request, caller Caller, body any) (RequestIdentity, error) {
	key, err := rest.IdempotencyKey(r)
	if err != nil {
		return RequestIdentity{}, err
	}
	return RequestIdentity{rest.IDFromKey("order change", caller.ID, key), rest.Fingerprint(body)}, nil
}
