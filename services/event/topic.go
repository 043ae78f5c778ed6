package event

import "time"

// Partitions is the number of partitions of every topic. More is not better: with 256, the throughput was half of that with 16 or 32.
const Partitions = 16

// Topic is a topic whose events all carry a T.
type Topic[T any] struct {
	Name    string
	Version string
}

// The topics of the registration saga (auth and user).
var (
	CreatingUser          = Topic[UserToCreate]{"creating.user", "v1"}
	CreatingUserResponse  = Topic[UserOutcome]{"creating.user.response", "v1"}
	CreatingUserCancelled = Topic[UserCancelled]{"creating.user.cancelled", "v1"}
)

// The topics of the erasure saga (auth, user and order).
var (
	DeletingUser         = Topic[UserToErase]{"deleting.user", "v1"}
	DeletingUserResponse = Topic[UserErasure]{"deleting.user.response", "v1"}
)

// The topics of the order saga (the services order and product), and of the statuses that follow it.
var (
	OrderCreatedPending    = Topic[OrderPlaced]{"order.created.pending", "v1"}
	InventoryStockReserved = Topic[StockReserved]{"inventory.stock.reserved", "v1"}
	InventoryStockFailed   = Topic[StockFailed]{"inventory.stock.failed", "v1"}
	OrderStatusChanged     = Topic[OrderStatus]{"order.status.changed", "v1"}
)

// Type returns the CloudEvents type of the topic's events: its name and its version.
func (t Topic[T]) Type() string { return t.Name + "." + t.Version }

// Message returns the message that publishes data about the aggregate with the id subject.
func (t Topic[T]) Message(subject string, data T) Message {
	return Message{Topic: t.Name, Type: t.Type(), Subject: subject, Data: data}
}

// Message is an event that has not been published yet. Every write of a document takes a Message or NoMessage.
type Message struct {
	Topic   string
	Type    string
	Subject string
	Data    any
}

// NoMessage stands for a change that publishes no event. It is explicit, so that an event cannot be forgotten.
var NoMessage = Message{}

// Received is a consumed event: the CloudEvent's attributes and its data.
type Received[T any] struct {
	ID      string    `json:"id"`
	Type    string    `json:"type"`
	Source  string    `json:"source"`
	Subject string    `json:"subject"`
	Time    time.Time `json:"time"`
	Data    T         `json:"data"`

	Replayed bool `json:"-"` // the event was a dead letter, and is replayed
}
