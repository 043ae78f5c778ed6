package main

import (
	"bufio"
	"context"
	"errors"
	"io"
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
	return rest.JSON(w, http.StatusOK, responseOf(order))
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
	var request struct {
		Reason string `json:"reason"`
	}
	if err := decodeOptional(w, r, &request); err != nil {
		return err
	}
	reason, wrong := optionalText("reason", request.Reason, maxReason)
	if wrong != nil {
		return fault.Invalid(wrong...)
	}
	caller := callerOf(r)
	order, err := s.changeOrder(r.Context(), id, func(o *Order) (bool, error) {
		if !o.VisibleTo(caller) {
			return false, notFound(id)
		}
		return o.Cancel(reason, caller, s.now())
	})
	if err != nil {
		return err
	}
	return rest.JSON(w, http.StatusOK, responseOf(order))
}

// advanceOrder moves an order to its next kitchen or delivery status.
func (s *service) advanceOrder(w http.ResponseWriter, r *http.Request) error {
	id, err := orderID(r)
	if err != nil {
		return err
	}
	var request struct {
		Status event.Status `json:"status"`
	}
	if err := rest.Decode(w, r, &request); err != nil {
		return err
	}
	order, err := s.changeOrder(r.Context(), id, func(o *Order) (bool, error) {
		return o.Advance(request.Status, callerOf(r), s.now())
	})
	if err != nil {
		return err
	}
	return rest.JSON(w, http.StatusOK, responseOf(order))
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
	return Caller{ID: claims.Subject, Staff: claims.Any(token.Staff), Trace: telemetry.TraceID(r.Context())}
}

// decodeOptional is rest.Decode, except that it accepts an empty body.
func decodeOptional(w http.ResponseWriter, r *http.Request, v any) error {
	body := bufio.NewReader(r.Body)
	if _, err := body.Peek(1); errors.Is(err, io.EOF) {
		return nil
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{body, r.Body}
	return rest.Decode(w, r, v)
}
