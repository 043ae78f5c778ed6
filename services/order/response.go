package main

import (
	"net/http"
	"time"

	"comanda/services/event"
	"comanda/services/internal/rest"
)

// response is an order in the API. Members that do not apply are omitted. It repeats members of Order on purpose: a member that
// the stored document gains does not reach clients until it is added here.
type response struct {
	ID              string           `json:"id"`
	CustomerID      string           `json:"customerId"`
	Status          event.Status     `json:"status"`
	Items           []Line           `json:"items"`
	*Total                           // omitted until the order is confirmed
	DeliveryAddress *event.Address   `json:"deliveryAddress,omitempty"`
	Notes           string           `json:"notes,omitempty"`
	Reason          string           `json:"reason,omitempty"`
	ReasonCode      string           `json:"reasonCode,omitempty"`
	Shortages       []event.Shortage `json:"shortages,omitempty"`
	Version         int              `json:"version"`
	CreatedAt       time.Time        `json:"createdAt"`
	UpdatedAt       time.Time        `json:"updatedAt"`
}

func responseOf(o Order) response {
	return response{
		ID: o.ID, CustomerID: o.CustomerID, Status: o.Status, Items: o.Items, Total: o.Total,
		DeliveryAddress: o.DeliveryAddress, Notes: o.Notes, Reason: o.Reason, ReasonCode: o.reasonCode(), Shortages: o.Shortages,
		Version: o.Version, CreatedAt: o.CreatedAt, UpdatedAt: o.UpdatedAt,
	}
}

// validators identify the order's version. An erasure changes what clients see of a final order, but not its version, which counts
// the changes of the status.
func (o *Order) validators() rest.Validators {
	if o.PersonErased && o.Status.Final() {
		return rest.Validators{Tag: rest.VersionTag(o.Version, 1), Modified: o.UpdatedAt}
	}
	return rest.Validators{Tag: rest.VersionTag(o.Version), Modified: o.UpdatedAt}
}

// writeOrder writes an order with its validators. Content-Location names the resource's own path, which can
// differ from the request's.
func writeOrder(w http.ResponseWriter, r *http.Request, status int, o Order) error {
	w.Header().Set("Content-Location", publicPath(o.ID))
	return rest.Resource(w, r, status, o.validators(), responseOf(o))
}

// publicPath returns the path of an order in the public API.
func publicPath(id string) string { return "/api/v1/orders/" + id }

// historyResponse is the history of an order as the gateway streams it. It omits each change's actor and cause. Its reason is the code,
// as in the event of the change.
type historyResponse struct {
	OrderID    string         `json:"orderId"`
	CustomerID string         `json:"customerId"`
	Items      []historyEntry `json:"items"`
}

type historyEntry struct {
	Version int          `json:"version"`
	Status  event.Status `json:"status"`
	Reason  string       `json:"reason,omitempty"`
	At      time.Time    `json:"at"`
}

func historyOf(o Order) historyResponse {
	entries := make([]historyEntry, 0, len(o.History))
	for _, change := range o.History {
		entries = append(entries, historyEntry{change.Version, change.Status, change.ReasonCode(), change.At})
	}
	return historyResponse{o.ID, o.CustomerID, entries}
}
