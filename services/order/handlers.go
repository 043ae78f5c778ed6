package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"comanda/services/event"
	"comanda/services/internal/await"
	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/telemetry"
	"comanda/services/internal/token"
	"comanda/services/internal/validate"
)

// show answers with one order; with Prefer: wait=N (RFC 7240) as soon as product has answered.
func (s *service) showOrder(w http.ResponseWriter, r *http.Request) error {
	wait, err := await.Wait(r)
	if err != nil {
		return err
	}
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
	if wait > 0 {
		w.Header().Set("Preference-Applied", "wait="+strconv.Itoa(int(wait/time.Second)))
	}
	return rest.JSON(w, http.StatusOK, responseOf(order))
}

// history answers with every change of one order, first to last.
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

// cancel ends an order, for its owner or for staff.
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
	order, err := s.change(r.Context(), id, func(o *Order) (bool, error) {
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

// advance takes an order one step further through the kitchen.
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
	order, err := s.change(r.Context(), id, func(o *Order) (bool, error) {
		return o.Advance(request.Status, callerOf(r), s.now())
	})
	if err != nil {
		return err
	}
	return rest.JSON(w, http.StatusOK, responseOf(order))
}

// orderID reads the order's id from the path. What is no id is not there.
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

// decodeOptional is rest.Decode for a body that may as well be empty.
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
