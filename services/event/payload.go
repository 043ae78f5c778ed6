package event

import "time"

// UserToCreate asks the service user to create the profile of a new account. It carries the personal data of the profile; no
// other topic carries personal data.
type UserToCreate struct {
	UserID  string   `json:"userId"`
	Version int      `json:"version"`
	Email   string   `json:"email"`
	Name    string   `json:"name"`
	Phone   string   `json:"phone,omitempty"` // E.164
	Address *Address `json:"address,omitempty"`
}

// Address is the address of a profile.
type Address struct {
	Street     string `json:"street"`
	City       string `json:"city"`
	PostalCode string `json:"postalCode"`
	Country    string `json:"country"` // ISO 3166-1 alpha-2
}

// UserOutcome is the response to UserToCreate: the profile was created, or rejected with a reason.
type UserOutcome struct {
	UserID  string `json:"userId"`
	Version int    `json:"version"`
	Outcome string `json:"outcome"` // UserCreated or UserRejected
	Reason  string `json:"reason,omitempty"`
}

// The outcomes of a registration, and the reason of a rejection.
const (
	UserCreated  = "created"
	UserRejected = "rejected"

	ReasonPhoneTaken = "phone_taken"
)

// UserCancelled says that auth gave up a registration. The profile must not exist afterwards, whether or not it was created.
type UserCancelled struct {
	UserID  string `json:"userId"`
	Version int    `json:"version"`
	Reason  string `json:"reason"`
}

// UserToErase asks every service that stores personal data to erase the data of one account.
type UserToErase struct {
	UserID  string `json:"userId"`
	Version int    `json:"version"`
}

// UserErasure is the response of one service to UserToErase: it has erased what it stored.
type UserErasure struct {
	UserID  string `json:"userId"`
	Version int    `json:"version"` // of UserToErase
	Service string `json:"service"`
	Outcome string `json:"outcome"` // UserErased
}

// UserErased is the only outcome of an erasure: no service can refuse it.
const UserErased = "erased"

// OrderPlaced asks the service product to reserve every line of a new order, or none. With ExpectedTotalCents it reserves only
// if the total is not higher. With Currency as well, the total must also be in that currency.
//
// One event has four names: order.created.pending is its topic in the broker, OrderCreatedPending that topic in Go, OrderPlaced its data,
// and Order.placedEvent the function of the service order that makes the data.
type OrderPlaced struct {
	OrderID            string      `json:"orderId"`
	Version            int         `json:"version"`
	CustomerID         string      `json:"customerId"`
	Items              []OrderLine `json:"items"`
	ExpectedTotalCents *int64      `json:"expectedTotalCents,omitempty"` // minor units
	Currency           string      `json:"currency,omitempty"`           // ISO 4217; only with ExpectedTotalCents
}

// OrderLine is one product of an order and its quantity.
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

// ReservedLine is one reserved line, with the product's name and price on the menu at that moment.
type ReservedLine struct {
	ProductID      string `json:"productId"`
	Quantity       int    `json:"quantity"`
	Name           string `json:"name"`
	UnitPriceCents int64  `json:"unitPriceCents"`
	LineTotalCents int64  `json:"lineTotalCents"`
}

// StockFailed says that no line of an order is reserved, and why: a reason to reject it, or ReasonReleased if product knows that it was
// cancelled. Shortages has the lines that product could not reserve. Currency and TotalCents are the total that was refused, with
// ReasonPriceChanged only.
type StockFailed struct {
	OrderID    string     `json:"orderId"`
	Version    int        `json:"version"`
	Reason     string     `json:"reason"`
	Shortages  []Shortage `json:"shortages"`
	Currency   string     `json:"currency,omitempty"`
	TotalCents int64      `json:"totalCents,omitempty"`
}

// The reasons to reject an order.
const (
	ReasonInsufficientStock = "insufficient_stock" // there are shortages
	ReasonMixedCurrencies   = "mixed_currencies"   // its lines have several currencies and therefore no total
	ReasonPriceChanged      = "price_changed"      // the total is higher than the customer expected, or in another currency
)

// The reasons to cancel an order. ReasonOther stands for a reason that the service order does not know; it can
// also be that of a rejection.
const (
	ReasonCustomer   = "customer"             // its customer cancelled it
	ReasonStaff      = "staff"                // a member of staff cancelled it
	ReasonTimedOut   = "timed_out"            // product never answered
	ReasonNotStarted = "not_started"          // the kitchen never started it
	ReasonReleased   = "reservation_released" // product had given its stock back
	ReasonOther      = "other"
)

// Shortage is a line that product could not reserve. Available is 0 for a product that is not, or no longer, on the menu.
type Shortage struct {
	ProductID string `json:"productId"`
	Requested int    `json:"requested"`
	Available int    `json:"available"`
}

// OrderStatus says that an order's status changed. Version grows by one with each change, so a gap reveals a missed
// event. Reason is one of the constants above, never the text of a person.
type OrderStatus struct {
	OrderID    string    `json:"orderId"`
	Version    int       `json:"version"`
	CustomerID string    `json:"customerId"`
	Status     Status    `json:"status"`
	Reason     string    `json:"reason,omitempty"`
	At         time.Time `json:"at"`
}

// Status is the status of an order.
type Status string

// The statuses of an order. Only the service order knows the transitions between them.
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

// Final reports whether s is a final status, which has no successor.
func (s Status) Final() bool {
	return s == StatusRejected || s == StatusDelivered || s == StatusCancelled
}
