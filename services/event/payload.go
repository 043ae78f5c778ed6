package event

import "time"

// UserToCreate asks user to create the profile of a new account. It carries personal data, because the profile is made
// from it; no other topic does.
type UserToCreate struct {
	UserID  string   `json:"userId"`
	Version int      `json:"version"`
	Email   string   `json:"email"`
	Name    string   `json:"name"`
	Phone   string   `json:"phone,omitempty"` // E.164
	Address *Address `json:"address,omitempty"`
}

// Address is where somebody lives, or where an order goes.
type Address struct {
	Street     string `json:"street"`
	City       string `json:"city"`
	PostalCode string `json:"postalCode"`
	Country    string `json:"country"` // ISO 3166-1 alpha-2
}

// UserOutcome answers UserToCreate: the profile was created, or rejected with a reason.
type UserOutcome struct {
	UserID  string `json:"userId"`
	Version int    `json:"version"`
	Outcome string `json:"outcome"` // UserCreated or UserRejected
	Reason  string `json:"reason,omitempty"`
}

// The outcomes of a registration, and why user rejects one.
const (
	UserCreated  = "created"
	UserRejected = "rejected"

	ReasonPhoneTaken = "phone_taken"
)

// UserCancelled says that auth has given up on a registration: the profile must not be, whether it was made or not.
type UserCancelled struct {
	UserID  string `json:"userId"`
	Version int    `json:"version"`
	Reason  string `json:"reason"`
}

// OrderPlaced asks product to reserve every line of a new order, or none.
type OrderPlaced struct {
	OrderID    string      `json:"orderId"`
	Version    int         `json:"version"`
	CustomerID string      `json:"customerId"`
	Items      []OrderLine `json:"items"`
}

// OrderLine is what was asked for.
type OrderLine struct {
	ProductID string `json:"productId"`
	Quantity  int    `json:"quantity"`
}

// StockReserved says that every line of an order is reserved, at the menu's prices.
type StockReserved struct {
	OrderID    string         `json:"orderId"`
	Version    int            `json:"version"`
	Items      []ReservedLine `json:"items"`
	Currency   string         `json:"currency"` // ISO 4217
	TotalCents int64          `json:"totalCents"`
}

// ReservedLine is one reserved line with the name and price the menu had at that moment.
type ReservedLine struct {
	ProductID      string `json:"productId"`
	Quantity       int    `json:"quantity"`
	Name           string `json:"name"`
	UnitPriceCents int64  `json:"unitPriceCents"`
	LineTotalCents int64  `json:"lineTotalCents"`
}

// StockFailed says that nothing of an order is reserved, and which lines fell short.
type StockFailed struct {
	OrderID   string     `json:"orderId"`
	Version   int        `json:"version"`
	Reason    string     `json:"reason"`
	Shortages []Shortage `json:"shortages"`
}

// Why an order is rejected: lines fell short, or all are there but in several currencies, which have no total.
const (
	ReasonInsufficientStock = "insufficient_stock"
	ReasonMixedCurrencies   = "mixed_currencies"
)

// Shortage is a line of which there was not enough. Available is 0 for a product that is not, or no longer, on the menu.
type Shortage struct {
	ProductID string `json:"productId"`
	Requested int    `json:"requested"`
	Available int    `json:"available"`
}

// OrderStatus says that an order's status changed. Version grows by one with each change, so a gap shows a missed one.
type OrderStatus struct {
	OrderID    string    `json:"orderId"`
	Version    int       `json:"version"`
	CustomerID string    `json:"customerId"`
	Status     Status    `json:"status"`
	Reason     string    `json:"reason,omitempty"`
	At         time.Time `json:"at"`
}

// Status is a state in the life of an order.
type Status string

// The states of an order. Which step may follow which is order's to know; all others only need the names.
const (
	StatusPending        Status = "PENDING"
	StatusConfirmed      Status = "CONFIRMED"
	StatusRejected       Status = "REJECTED"
	StatusPreparing      Status = "PREPARING"
	StatusReady          Status = "READY"
	StatusOutForDelivery Status = "OUT_FOR_DELIVERY"
	StatusDelivered      Status = "DELIVERED"
	StatusCancelled      Status = "CANCELLED"
)

// Final says whether nothing can follow s.
func (s Status) Final() bool {
	return s == StatusRejected || s == StatusDelivered || s == StatusCancelled
}
