package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// The states of an order.
const (
	Pending        = "PENDING"
	Confirmed      = "CONFIRMED"
	Rejected       = "REJECTED"
	Preparing      = "PREPARING"
	Ready          = "READY"
	OutForDelivery = "OUT_FOR_DELIVERY"
	Delivered      = "DELIVERED"
	Cancelled      = "CANCELLED"
)

// Basket is the body that places an order.
type Basket struct {
	Items           []Item   `json:"items"`
	DeliveryAddress *Address `json:"deliveryAddress,omitempty"`
	Notes           string   `json:"notes,omitempty"`

	ExpectedTotalCents *int64 `json:"expectedTotalCents,omitempty"` // the highest total that the customer accepts
	Currency           string `json:"currency,omitempty"`
}

// Item is one line of a basket.
type Item struct {
	ProductID string `json:"productId"`
	Quantity  int    `json:"quantity"`
}

// Order is the current state of an order.
type Order struct {
	ID              string     `json:"id"`
	CustomerID      string     `json:"customerId"`
	Status          string     `json:"status"`
	Items           []Line     `json:"items"`
	Currency        string     `json:"currency"`
	TotalCents      int64      `json:"totalCents"`
	DeliveryAddress *Address   `json:"deliveryAddress"`
	Notes           string     `json:"notes"`
	Reason          string     `json:"reason"`
	Shortages       []Shortage `json:"shortages"`
	Version         int        `json:"version"`
	CreatedAt       time.Time  `json:"createdAt"`
	UpdatedAt       time.Time  `json:"updatedAt"`
}

// Line is one line of an order. Its name and prices are set from CONFIRMED on.
type Line struct {
	ProductID      string `json:"productId"`
	Quantity       int    `json:"quantity"`
	Name           string `json:"name"`
	UnitPriceCents int64  `json:"unitPriceCents"`
	LineTotalCents int64  `json:"lineTotalCents"`
}

// Shortage is a line of an order that product could not reserve.
type Shortage struct {
	ProductID string `json:"productId"`
	Requested int    `json:"requested"`
	Available int    `json:"available"`
}

// Order places an order. The response arrives before the order is decided.
func (c *Client) Order(ctx context.Context, basket Basket) (Order, error) {
	return call[Order](ctx, c, Request{Method: http.MethodPost, Path: "/orders", Body: basket})
}

// OrderOnce places an order under an idempotency key. Repeated calls with the same key and basket create one order.
func (c *Client) OrderOnce(ctx context.Context, key string, basket Basket) (Order, error) {
	return call[Order](ctx, c, Request{Method: http.MethodPost, Path: "/orders", Body: basket,
		Header: http.Header{"Idempotency-Key": {key}}})
}

// GetOrder returns an order. A positive patience waits that long (at most 30 s) while it is PENDING.
func (c *Client) GetOrder(ctx context.Context, id string, patience time.Duration) (Order, error) {
	return call[Order](ctx, c, Request{Method: http.MethodGet, Path: "/orders/" + url.PathEscape(id), Header: wait(patience)})
}

// Orders lists the caller's orders, or all orders for staff, newest first. An empty status selects every status.
func (c *Client) Orders(ctx context.Context, status string, page Page) (List[Order], error) {
	more := url.Values{}
	if status != "" {
		more.Set("status", status)
	}
	return call[List[Order]](ctx, c, Request{Method: http.MethodGet, Path: "/orders" + page.query(more)})
}

// Cancel cancels an order.
func (c *Client) Cancel(ctx context.Context, id, reason string) (Order, error) {
	body := map[string]string{}
	if reason != "" {
		body["reason"] = reason
	}
	return call[Order](ctx, c, Request{Method: http.MethodPost, Path: "/orders/" + url.PathEscape(id) + "/cancel", Body: body})
}

// Advance moves an order to its next kitchen status (staff only).
func (c *Client) Advance(ctx context.Context, id, status string) (Order, error) {
	return call[Order](ctx, c, Request{Method: http.MethodPost, Path: "/orders/" + url.PathEscape(id) + "/status",
		Body: map[string]string{"status": status}})
}
