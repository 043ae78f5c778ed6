package main

import (
	"time"

	"comanda/services/event"
)

// answer is an order as clients see it. Members that do not apply are left out.
type answer struct {
	ID              string           `json:"id"`
	CustomerID      string           `json:"customerId"`
	Status          event.Status     `json:"status"`
	Items           []Line           `json:"items"`
	*Total                           // left out whole while there is none
	DeliveryAddress *event.Address   `json:"deliveryAddress,omitempty"`
	Notes           string           `json:"notes,omitempty"`
	Reason          string           `json:"reason,omitempty"`
	Shortages       []event.Shortage `json:"shortages,omitempty"`
	Version         int              `json:"version"`
	CreatedAt       time.Time        `json:"createdAt"`
	UpdatedAt       time.Time        `json:"updatedAt"`
}

func responseOf(o Order) answer {
	return answer{
		ID: o.ID, CustomerID: o.CustomerID, Status: o.Status, Items: o.Items, Total: o.Total,
		DeliveryAddress: o.DeliveryAddress, Notes: o.Notes, Reason: o.Reason, Shortages: o.Shortages,
		Version: o.Version, CreatedAt: o.CreatedAt, UpdatedAt: o.UpdatedAt,
	}
}

// past is the history of an order as the gateway streams it. Who did what is for the timeline, not for this.
type past struct {
	OrderID    string   `json:"orderId"`
	CustomerID string   `json:"customerId"`
	Items      []moment `json:"items"`
}

type moment struct {
	Version int          `json:"version"`
	Status  event.Status `json:"status"`
	Reason  string       `json:"reason,omitempty"`
	At      time.Time    `json:"at"`
}

func historyOf(o Order) past {
	moments := make([]moment, 0, len(o.History))
	for _, change := range o.History {
		moments = append(moments, moment{change.Version, change.Status, change.Reason, change.At})
	}
	return past{o.ID, o.CustomerID, moments}
}
